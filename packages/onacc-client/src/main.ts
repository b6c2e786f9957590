import { describeEnv, messageOf } from '@portcullis/shared';
import { launchInBackground, takeLaunched } from '@portcullis/shared/launch';
import { parseCommandLine } from './command-line.js';
import type { ClientFlags, Task } from './command-line.js';
import { LogFile } from './logging/log-file.js';
import { complaintsOnly, createVoice, printedText } from './logging/voice.js';
import { askQuestion } from './process/ask-question.js';
import { watchParent } from './process/parent-watch.js';
import { EXIT, LAST_LINES_MAX_MS, sayLines } from './process/run.js';
import type { Run } from './process/run.js';
import { ClientSignals } from './process/signals.js';
import { runSubcommand } from './process/subcommands.js';
import { ConfigurationError, readConfiguration } from './read-configuration.js';
import type { Configuration } from './read-configuration.js';
import { describeEndpoint } from './scan/endpoint.js';
import { ENV_PREFIX, SETTINGS } from './settings.js';

const streams = {
  stdout: (text: string | Uint8Array) => void process.stdout.write(text),
  stderr: (text: string | Uint8Array) => void process.stderr.write(text),
  isTty: process.stdout.isTTY,
};

/** argv becomes a task, and what comes of it an exit code (behaviour 4.2). */
async function main(args: readonly string[]): Promise<number> {
  const launched = takeLaunched(process.env);
  // A daemon with ScanOnAccess has started us and is gone: the end is that of any other stop.
  watchParent(process.env, () => process.kill(process.pid, 'SIGTERM'));
  const commandLine = parseCommandLine(args);
  switch (commandLine.kind) {
    case 'done':
      streams.stdout(commandLine.stdout);
      streams.stderr(commandLine.stderr);
      return commandLine.exitCode;
    case 'subcommand':
      return await runSubcommand(commandLine.name, commandLine.args, { ...streams, env: process.env });
    case 'run':
  }
  const { task, flags, warnings } = commandLine;
  if (task === 'start' && !flags.foreground && launched === undefined) return await launch();
  const signals = new ClientSignals();
  for (const line of warnings) streams.stderr(`${line}\n`);
  const logFile = await openLogFile(flags);
  if (logFile === 'refused') return EXIT.noLogFile;
  const print = launched === undefined ? printedText(streams, flags.verbose) : complaintsOnly(streams);
  const voice = createVoice(print, logFile);
  const run = { flags, env: process.env, streams, voice, logFile, launched };
  const exitCode = await perform(task, run, signals);
  await logFile?.flush(LAST_LINES_MAX_MS);
  return exitCode;
}

/** The child does everything, complaints included; this process only waits for it. */
function launch(): Promise<number> {
  const { execPath, execArgv, argv, env } = process;
  return launchInBackground({
    what: 'on-access client',
    failureExitCode: EXIT.error,
    ...{ execPath, execArgv, argv: argv.slice(1), env },
    ...streams,
  });
}

async function openLogFile({
  logFile: path,
  verbose,
}: ClientFlags): Promise<LogFile | undefined | 'refused'> {
  if (path === undefined) return undefined;
  const onFailure = (error: Error): void => {
    streams.stderr(`ERROR: ${error.message}\n`);
  };
  try {
    return await LogFile.open({ path, verbose, onFailure });
  } catch (error) {
    streams.stderr(`ERROR: ${messageOf(error)}\nERROR: ClamClient: problem with internal logger\n`);
    return 'refused';
  }
}

async function perform(task: Task, run: Run, signals: ClientSignals): Promise<number> {
  if (task === 'version' || task === 'ping') return await askQuestion(task, run);
  const configuration = await configure(task, run);
  if (configuration === undefined) return EXIT.error;
  if (task === 'checkConfig') {
    printConfiguration(configuration);
    return EXIT.done;
  }
  // Only now: a question, and a process that waits for another one, have no use for koffi.
  const { startProtection } = await import('./process/start-protection.js');
  return await startProtection(run, configuration, signals);
}

/** @returns undefined where it does not do; why has been said then. */
async function configure(task: Task, { flags, env, voice }: Run): Promise<Configuration | undefined> {
  try {
    return await readConfiguration(flags, env);
  } catch (error) {
    const all = task === 'checkConfig' ? 'allLines' : 'lines';
    sayLines(voice, error instanceof ConfigurationError ? error[all] : [`ERROR: ${messageOf(error)}`]);
    return undefined;
  }
}

const TRANSFERS = { descriptor: 'descriptors are passed', stream: 'contents are sent' } as const;

function printConfiguration(configuration: Configuration): void {
  const { settings, plan, route } = configuration;
  const lines = [
    ...configuration.described,
    `# clamd.conf: ${configuration.configPath}`,
    `# daemon: ${describeEndpoint(route.endpoint)}, ${TRANSFERS[route.transfer]}`,
    `# protect: ${plan.paths.join(', ')} (${plan.strategy} marks)`,
    ...describeEnv(SETTINGS, settings, ENV_PREFIX),
    ...configuration.warnings,
    ...configuration.notes.map((line) => `# ${line}`),
  ];
  streams.stdout(`${lines.join('\n')}\n`);
}

// A terminal that was closed is no reason to end protection.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);
process.exitCode = await main(process.argv.slice(2));
// Threads that the kernel holds are no reason to stay.
process.exit();
