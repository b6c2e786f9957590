import { connect } from 'node:net';

const REPLY_MAX_MS = 10_000;
const HEARD_MAX_BYTES = 4 * 1024 * 1024;

/**
 * Sends the pieces, one write each, and listens until the daemon closes.
 *
 * @param options.leaveAfterMs - destroys the connection so long after the last piece, answered or not; else 10 s
 * @returns what was heard, one character a byte; empty when nobody is there
 */
export function converse(
  target: string | number,
  pieces: readonly (string | Buffer)[],
  options: { readonly leaveAfterMs?: number; readonly halfClose?: boolean } = {},
): Promise<string> {
  const { leaveAfterMs = REPLY_MAX_MS, halfClose = false } = options;
  return new Promise((resolve) => {
    const socket = typeof target === 'string' ? connect(target) : connect(target, '127.0.0.1');
    const heard: Buffer[] = [];
    let heardBytes = 0;
    let leaving: NodeJS.Timeout | undefined;
    socket.setNoDelay(true);
    // Being reset or refused is one of the answers.
    socket.on('error', () => undefined);
    socket.on('data', (bytes: Buffer) => {
      heardBytes += bytes.length;
      if (heardBytes <= HEARD_MAX_BYTES) heard.push(bytes);
    });
    socket.on('close', () => {
      clearTimeout(leaving);
      resolve(Buffer.concat(heard).toString('latin1'));
    });
    const send = (at: number): void => {
      const piece = pieces[at];
      if (piece === undefined) {
        if (halfClose) socket.end();
        leaving = setTimeout(() => socket.destroy(), leaveAfterMs);
        return;
      }
      socket.write(piece, () => setImmediate(send, at + 1));
    };
    socket.on('connect', () => {
      send(0);
    });
  });
}
