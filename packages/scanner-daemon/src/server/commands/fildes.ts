import type { ScanVerdict } from '@portcullis/shared';
import { constants } from '@portcullis/shared/native';
import type { FileApi, FileStatus, OwnedFd } from '@portcullis/shared/native';
import { descriptorName, replyText, replyToVerdict } from '../reply-text.js';
import { reportScan } from '../report-scan.js';
import type { CommandCall, CommandOutcome, PlainCommand } from './command.js';

/** FILDES: the descriptor comes with the byte behind the command. */
export const fildes: PlainCommand = () => 'descriptorFollows';

/**
 * Answers or scans a descriptor that a client passed (behaviour 1.7). A write-only or O_PATH one is an error: clamd
 * answers OK for it, even when the file is infected.
 *
 * @param fd taken.
 * @param options.scratch overwritten; one a server, since this runs for every open on a busy machine.
 * @param options.tellsIncomplete see {@link ScanRequest.tellsIncomplete}.
 */
export function scanDescriptor(
  call: CommandCall,
  fd: OwnedFd,
  options: { readonly scratch: FileStatus; readonly tellsIncomplete: boolean },
): CommandOutcome {
  const { scratch, tellsIncomplete } = options;
  const { client, frame, services } = call;
  const number = fd.borrow();
  const name = descriptorName(number);
  const refusal = refusalOf(number, scratch, services.native.files);
  if (refusal !== undefined || scratch.sizeBytes === 0) {
    fd.close();
    const verdict: ScanVerdict =
      refusal === undefined ? { kind: 'clean' } : { kind: 'failed', message: refusal };
    client.reply(replyToVerdict(name, verdict, { frame, allMatch: false }));
    reportScan(services, { name, verdict, shown: verdict, durationMs: 0 });
    return 'answered';
  }
  client.scan({
    source: {
      kind: 'fd',
      fd,
      sizeBytes: scratch.sizeBytes,
    },
    task: 'FILDES',
    label: name,
    name,
    frame,
    inSession: call.inSession,
    tellsIncomplete,
  });
  return 'dispatched';
}

/** Why the descriptor cannot be scanned, or undefined. Fills `scratch`. */
function refusalOf(fd: number, scratch: FileStatus, files: FileApi): string | undefined {
  try {
    files.status(fd, scratch);
    if ((scratch.mode & constants.S_IFMT) !== constants.S_IFREG) return replyText.notRegular;
    const mode = files.accessMode(fd);
    return mode === 'read' || mode === 'readWrite' ? undefined : replyText.cantRead;
  } catch {
    // A file on a network share that went away, for instance.
    return replyText.cantStat;
  }
}
