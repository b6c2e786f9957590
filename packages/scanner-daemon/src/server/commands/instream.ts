import { encodeBareError, encodePathWord, InstreamDecoder } from '@portcullis/shared';
import type { ScanSource } from '../../scheduler/scan-job.js';
import { replyText } from '../reply-text.js';
import type { StreamSpool } from '../scan-side.js';
import type { CommandCall, PlainCommand } from './command.js';

/** INSTREAM: chunks follow until one of length 0 (behaviour 1.8). */
export const instream: PlainCommand = () => 'streamFollows';

/** What one packet did to an upload. */
export type UploadProgress =
  | { readonly kind: 'more' }
  /** Complete; `rest` lies behind its end. The scan is on its way. */
  | { readonly kind: 'complete'; readonly rest: Buffer }
  /** Longer than StreamMaxLength, or the disk is full: the client is to be told and the connection ends. */
  | { readonly kind: 'tooLong' }
  | { readonly kind: 'writeFailed' };

/** One INSTREAM from its command to its end. Owns the spool until it is scanned. */
export class StreamUpload {
  readonly #call: CommandCall;
  readonly #decoder: InstreamDecoder;
  readonly #spool: StreamSpool;
  #state: 'receiving' | 'waiting' | 'finished' = 'receiving';

  constructor(call: CommandCall) {
    this.#call = call;
    this.#decoder = new InstreamDecoder(call.services.limits.streamMaxBytes);
    this.#spool = call.services.openSpool(() => {
      if (this.#state !== 'waiting') return;
      this.#state = 'receiving';
      this.#call.client.proceed();
    });
  }

  /** Whether the spool wants no more for now. */
  get waiting(): boolean {
    return this.#state === 'waiting';
  }

  push(bytes: Buffer): UploadProgress {
    for (const event of this.#decoder.push(bytes)) {
      switch (event.kind) {
        case 'chunk': {
          const written = this.#spool.write(event.bytes);
          if (written === 'failed') return this.#abandon({ kind: 'writeFailed' });
          // The rest of this packet, which is in memory anyway, still goes to the spool.
          if (written === 'wait') this.#state = 'waiting';
          break;
        }
        case 'sizeLimit': {
          const { client, services } = this.#call;
          const { requestedBytes, remainingBytes: maxBytes } = event;
          services.log.streamTooLong(client.peerName, { requestedBytes, maxBytes });
          return this.#abandon({ kind: 'tooLong' });
        }
        case 'end':
          this.#finish();
          return { kind: 'complete', rest: event.rest };
      }
    }
    return { kind: 'more' };
  }

  /** The client is gone, or the upload is refused. */
  discard(): void {
    if (this.#state === 'finished') return;
    this.#state = 'finished';
    this.#spool.discard();
  }

  #abandon(progress: UploadProgress): UploadProgress {
    this.discard();
    return progress;
  }

  #finish(): void {
    this.#state = 'finished';
    const { client } = this.#call;
    client.began();
    this.#spool.finish((source) => {
      this.#scan(source);
      client.done();
    });
  }

  #scan(source: ScanSource | undefined): void {
    const { client, frame, inSession } = this.#call;
    if (source === undefined) {
      client.reply(encodeBareError(replyText.streamWriteFailed, frame));
      client.close('drain');
      return;
    }
    if (source.kind !== 'path' && source.sizeBytes === 0) {
      if (source.kind === 'fd') source.fd.close();
      client.reply(encodePathWord(replyText.streamName, 'OK', frame));
      return;
    }
    client.scan({
      source,
      task: 'INSTREAM',
      label: `instream(${client.peerName})`,
      name: replyText.streamName,
      frame,
      inSession,
    });
  }
}
