import { connect } from 'node:net';
import { encodeChunkHeader, encodeCommand, encodeStreamEnd } from '@portcullis/shared';
import type { ProbeAddress } from '@portcullis/shared/probe';
import { messageOf } from '@portcullis/shared';

/** A reply to one short stream is one short line. */
const REPLY_MAX_BYTES = 65_536;

export type Judgement =
  | { readonly kind: 'clean' }
  | { readonly kind: 'infected'; readonly signatureName: string }
  | { readonly kind: 'failed'; readonly reason: string };

/** Has a daemon judge bytes that are sent to it (INSTREAM, behaviour 1.6). */
export function judgeBytes(address: ProbeAddress, content: string, timeoutMs: number): Promise<Judgement> {
  return new Promise((resolve) => {
    const socket = address.kind === 'unix' ? connect(address.path) : connect(address.port, address.host);
    let reply = '';
    const settle = (judgement: Judgement): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(judgement);
    };
    const timer = setTimeout(() => {
      settle({ kind: 'failed', reason: `no verdict within ${timeoutMs / 1_000} s` });
    }, timeoutMs);
    socket.on('connect', () => {
      const bytes = Buffer.from(content, 'latin1');
      socket.write(
        Buffer.concat([encodeCommand('INSTREAM'), encodeChunkHeader(bytes.length), bytes, encodeStreamEnd()]),
      );
    });
    socket.on('data', (bytes: Buffer) => {
      reply += bytes.toString('latin1');
      const end = reply.indexOf('\0');
      if (end !== -1) settle(readJudgement(reply.slice(0, end)));
      else if (reply.length > REPLY_MAX_BYTES) settle({ kind: 'failed', reason: 'its reply is too long' });
    });
    socket.on('end', () => {
      settle({ kind: 'failed', reason: 'it closed the connection without a verdict' });
    });
    socket.on('error', (error) => {
      settle({ kind: 'failed', reason: messageOf(error) });
    });
  });
}

/** What a daemon says of one stream or descriptor, without the terminator. */
export function readJudgement(reply: string): Judgement {
  const said = /^(?:stream|fd\[\d{1,10}\]): (.+)$/.exec(reply)?.[1];
  if (said === 'OK') return { kind: 'clean' };
  if (said?.endsWith(' FOUND') === true) {
    return { kind: 'infected', signatureName: said.slice(0, -' FOUND'.length) };
  }
  return { kind: 'failed', reason: `it answered "${reply}"` };
}
