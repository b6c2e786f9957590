import { parseArgs } from 'node:util';
import { messageOf } from '@portcullis/shared';
import { askClient } from './ask-client.js';
import { formatDownMetrics, formatMetrics } from './status-metrics.js';
import type { StatusSnapshot } from './status-snapshot.js';
import { formatStatusText } from './status-text.js';

/** What the caller, `main.ts`, lends to the command. */
export interface StatusIo {
  readonly stdout: (text: string) => void;
  readonly stderr: (text: string) => void;
  /** ONACC_CONTROL_SOCKET as it holds, defaults included; undefined where the variables cannot be read. */
  readonly controlSocket: string | undefined;
}

/** It runs and protects all that it was told to. */
export const EXIT_PROTECTING = 0;
/** It runs, and something is not protected as configured, or the daemon is away. */
export const EXIT_DEGRADED = 1;
/** Wrong usage, or it cannot be asked (permission, no answer): nothing is known. */
export const EXIT_UNKNOWN = 2;
export const EXIT_NOT_RUNNING = 3;

export const STATUS_HELP = `Usage: onacc-client status [--json | --metrics] [--socket PATH]

Asks the running on-access client how it is. Takes root.

      --json         everything, as one JSON object
      --metrics      Prometheus text format, for node_exporter's textfile collector
      --socket PATH  its control socket (default: ONACC_CONTROL_SOCKET)
  -h, --help         this text

Exit code: 0 it protects all that is configured, 1 something is amiss (the text says what),
2 it could not be asked, 3 it is not running.
`;

type StatusRequest =
  | { readonly kind: 'ask'; readonly format: 'text' | 'json' | 'metrics'; readonly socket: string }
  | { readonly kind: 'help' }
  | { readonly kind: 'usage'; readonly message: string };

/**
 * `onacc-client status`.
 *
 * @param args - behind the verb.
 * @returns the exit code
 */
export async function runStatus(args: readonly string[], io: StatusIo): Promise<number> {
  const request = parseStatusArguments(args, io.controlSocket);
  switch (request.kind) {
    case 'help':
      io.stdout(STATUS_HELP);
      return EXIT_PROTECTING;
    case 'usage':
      io.stderr(`onacc-client status: ${request.message}\n`);
      return EXIT_UNKNOWN;
    case 'ask':
  }
  const answer = await askClient(request.socket);
  switch (answer.kind) {
    case 'notRunning':
      if (request.format === 'metrics') io.stdout(formatDownMetrics());
      io.stderr(
        `onacc-client is not running: ${answer.reason}. Nothing is protected on access. Start it: sudo onacc-client (systemctl start onacc-client); if it runs on another socket, name that with --socket\n`,
      );
      return EXIT_NOT_RUNNING;
    case 'failed':
      io.stderr(`onacc-client status: ${answer.reason}\n`);
      return EXIT_UNKNOWN;
    case 'snapshot':
      io.stdout(formatSnapshot(answer.snapshot, request.format));
      return answer.snapshot.degraded.length === 0 && isUp(answer.snapshot) ? EXIT_PROTECTING : EXIT_DEGRADED;
  }
}

function isUp({ mode }: StatusSnapshot): boolean {
  return mode === 'prevention' || mode === 'notify-only';
}

function formatSnapshot(snapshot: StatusSnapshot, format: 'text' | 'json' | 'metrics'): string {
  switch (format) {
    case 'text':
      return formatStatusText(snapshot);
    case 'json':
      return `${JSON.stringify(snapshot, undefined, 2)}\n`;
    case 'metrics':
      return formatMetrics(snapshot);
  }
}

function parseStatusArguments(args: readonly string[], controlSocket: string | undefined): StatusRequest {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        json: { type: 'boolean', default: false },
        metrics: { type: 'boolean', default: false },
        socket: { type: 'string' },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
    if (values.help) return { kind: 'help' };
    if (values.json && values.metrics)
      return { kind: 'usage', message: '--json and --metrics exclude each other' };
    const socket = values.socket ?? controlSocket;
    if (socket === undefined || socket === '') {
      return { kind: 'usage', message: 'no control socket is known: give --socket PATH' };
    }
    const plain = values.metrics ? 'metrics' : 'text';
    return { kind: 'ask', format: values.json ? 'json' : plain, socket };
  } catch (error) {
    return { kind: 'usage', message: messageOf(error) };
  }
}
