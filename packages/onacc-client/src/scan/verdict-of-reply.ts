import { limitOfIncompleteText } from '@portcullis/shared';
import type { Reply, ScanVerdict } from '@portcullis/shared';

/**
 * A reply to FILDES or INSTREAM as a verdict. Whatever is neither OK nor FOUND says nothing about the file, whatever it is
 * called: vanished, access error, parse error (behaviour 4.4), `Excluded`. So it never counts as clean, which it does for
 * clamonacc where no ERROR stands at the end.
 */
export function verdictOfReply(reply: Reply): ScanVerdict {
  switch (reply.kind) {
    case 'clean':
      return CLEAN;
    case 'infected':
      return { kind: 'infected', signatureNames: [reply.signatureName || 'unnamed'] };
    case 'error': {
      const reason = limitOfIncompleteText(reply.message);
      return reason === undefined
        ? { kind: 'failed', message: reply.message }
        : { kind: 'incomplete', reason };
    }
    case 'word':
      return { kind: 'failed', message: reply.text };
  }
}

const CLEAN: ScanVerdict = { kind: 'clean' };

/** INSTREAM past the daemon's StreamMaxLength; the daemon closes the session after it (behaviour 1.8). */
export function isStreamTooLarge(reply: Reply): boolean {
  return reply.kind === 'error' && reply.message === 'INSTREAM size limit exceeded.';
}

/** The reply as one line, for a log. */
export function describeReply(reply: Reply): string {
  switch (reply.kind) {
    case 'clean':
      return `${reply.name}: OK`;
    case 'infected':
      return `${reply.name}: ${reply.signatureName} FOUND`;
    case 'error':
      return reply.message;
    case 'word':
      return reply.text;
  }
}
