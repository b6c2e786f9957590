import { MIRRORED_CLAMAV_VERSION, PRODUCT_NAME, PRODUCT_VERSION } from '@portcullis/shared';
import { Command, CommanderError } from 'commander';

export const VERSION_LINE = `${PRODUCT_NAME} scanner-daemon ${PRODUCT_VERSION} (ClamAV ${MIRRORED_CLAMAV_VERSION} compatible)`;

/** What was asked for. Paths as given. */
export interface CommandLineFlags {
  readonly configFile: string | undefined;
  readonly envFile: string | undefined;
  readonly checkConfig: boolean;
  /** DatabaseDirectory. */
  readonly datadir: string | undefined;
  /** LogFile. */
  readonly log: string | undefined;
  /** PidFile. */
  readonly pid: string | undefined;
  readonly debug: boolean;
}

export type CommandLine =
  | { readonly kind: 'run'; readonly flags: CommandLineFlags }
  /** Something to print and an exit code; text with its line ends. */
  | { readonly kind: 'done'; readonly exitCode: number; readonly stdout: string; readonly stderr: string };

interface RawOptions {
  readonly configFile?: string;
  readonly envFile?: string;
  readonly checkConfig?: boolean;
  readonly datadir?: string;
  readonly log?: string;
  readonly pid?: string;
  readonly debug?: boolean;
}

/** clamd's options (behaviour 2.1) and ours. Operands are ignored, as clamd does. */
export function parseCommandLine(args: readonly string[]): CommandLine {
  let stdout = '';
  const command = new Command('scanner-daemon')
    .description('Scans what it is handed, over the clamd protocol.')
    .option('-c, --config-file <file>', 'read this clamd.conf')
    .option(
      '--env-file <file>',
      'read SCANNER_ variables from this file (default: .env here, if there is one)',
    )
    .option('--check-config', 'print the effective configuration and all problems, then exit')
    .option('-F, --foreground [yes|no]', 'accepted for clamd; this program always stays in the foreground')
    .option('--datadir <directory>', 'load the signatures from here')
    .option('-l, --log <file>', 'write clamd log lines to this file')
    .option('-p, --pid <file>', 'write the process id to this file')
    .option('--debug', 'log more')
    .version(`${VERSION_LINE}\n`, '-V, --version')
    .allowExcessArguments(true)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => {
        stdout += text.replace(/\n+$/, '\n');
      },
      writeErr: () => undefined, // The message comes with the error below.
    });
  try {
    command.parse(args, { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return { kind: 'done', exitCode: 0, stdout, stderr: '' };
    return { kind: 'done', exitCode: 1, stdout: '', stderr: commandLineComplaint(error) };
  }
  const options = command.opts<RawOptions>();
  return {
    kind: 'run',
    flags: {
      configFile: options.configFile,
      envFile: options.envFile,
      checkConfig: options.checkConfig ?? false,
      datadir: options.datadir,
      log: options.log,
      pid: options.pid,
      debug: options.debug ?? false,
    },
  };
}

/** clamd's lines about a wrong command line (behaviour 2.1), commander's sentence in front. */
function commandLineComplaint(error: CommanderError): string {
  const what =
    error.code === 'commander.optionMissingArgument'
      ? 'Incomplete option passed (missing argument)'
      : 'Unknown option passed';
  return `scanner-daemon: ${error.message}\nERROR: ${what}\nERROR: Can't parse command line options\n`;
}
