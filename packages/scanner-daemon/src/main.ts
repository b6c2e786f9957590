import { isatty } from 'node:tty';
import { formatConfigIssue, issuesUpToFirstError, type ConfigIssue } from '@portcullis/shared';
import { launchInBackground, takeLaunched } from '@portcullis/shared/launch';
import { HELP, parseCommandLine, VERSION_LINE, type CommandLineFlags } from './command-line.js';
import {
  readConfiguration,
  readListen,
  withAbsolutePaths,
  type Configuration,
} from './read-configuration.js';
import { takeServiceEnvironment } from './systemd/service-environment.js';
import { systemdDescriptors } from './systemd/systemd-descriptors.js';

/** argv, environment and file become a configuration; what comes of it is an exit code (behaviour 2.3). */
async function main(args: readonly string[]): Promise<number> {
  // First of all: no child and no thread may inherit what is meant for this process alone.
  const service = takeServiceEnvironment(process.env);
  const launched = takeLaunched(process.env);
  const commandLine = parseCommandLine(args);
  switch (commandLine.kind) {
    case 'done':
      process.stdout.write(commandLine.stdout);
      process.stderr.write(commandLine.stderr);
      return commandLine.exitCode;
    case 'probe':
      return await probe(commandLine.args);
    case 'run':
  }
  const { flags } = commandLine;
  if (flags.checkConfig) return await checkConfig(flags);
  const configuration = configure(flags, { isSecondReading: launched !== undefined });
  if (typeof configuration === 'number') return configuration;
  // Inherited sockets and notices work in the process that systemd started, and nowhere else.
  const isManaged =
    service.notifySocket !== undefined || systemdDescriptors(service, process.pid).kind !== 'none';
  if (launched === undefined && configuration.daemonise && !isManaged) return await launch();
  // Only now: a health check and a launcher have no use for the engine.
  const { runDaemon } = await import('./daemon.js');
  const effective = launched === undefined ? configuration : withAbsolutePaths(configuration);
  const options = { service, launched, stdoutIsTty: launched === undefined && isatty(1) };
  return await runDaemon(effective, options);
}

/**
 * @param options.isSecondReading the launcher has read the same before and said what there was to say.
 * @returns the configuration, or the exit code when that is all there is to do.
 */
function configure(
  flags: CommandLineFlags,
  { isSecondReading }: { isSecondReading: boolean },
): Configuration | number {
  const reading = readConfiguration(flags, process.env);
  switch (reading.kind) {
    case 'asked':
      process.stdout.write(reading.for === 'help' ? HELP : `${VERSION_LINE}\n`);
      return 0;
    case 'refused':
      complainAbout(issuesUpToFirstError(reading.issues), reading.followUp);
      return 1;
    case 'ready':
      if (isSecondReading) return reading.configuration;
      complainAbout(reading.configuration.warnings);
      return reading.configuration;
  }
}

/** Prints what holds and all that is wrong with it; starts nothing and changes nothing. */
async function checkConfig(flags: CommandLineFlags): Promise<number> {
  const reading = readConfiguration(flags, process.env);
  if (reading.kind === 'asked') return 0;
  const readable = reading.kind === 'ready' ? reading : reading.readable;
  if (readable === undefined) {
    if (reading.kind === 'refused') complainAbout(reading.issues, reading.followUp);
    return 1;
  }
  const { configuration, description } = readable;
  const { checkStart } = await import('./process/check-start.js');
  const issues = [...configuration.warnings, ...(await checkStart(configuration))];
  complainAbout(issues);
  console.log(`# ${VERSION_LINE}`);
  console.log(`# ${configuration.configFile ?? 'no clamd.conf: embedded defaults'}`);
  for (const line of description) console.log(line);
  return issues.some(({ severity }) => severity === 'error') ? 1 : 0;
}

function complainAbout(issues: readonly ConfigIssue[], followUp?: string): void {
  for (const issue of issues) console.error(formatConfigIssue(issue));
  if (followUp !== undefined) console.error(`ERROR: ${followUp}`);
}

function launch(): Promise<number> {
  const { execPath, execArgv, argv, env } = process;
  return launchInBackground({
    what: 'daemon',
    failureExitCode: 1,
    ...{ execPath, execArgv, argv: argv.slice(1), env },
    stdout: (bytes) => process.stdout.write(bytes),
    stderr: (bytes) => process.stderr.write(bytes),
  });
}

async function probe(args: readonly string[]): Promise<number> {
  const { runProbe } = await import('./probe/probe.js');
  return await runProbe(args, {
    stdout: (text) => process.stdout.write(text),
    stderr: (text) => process.stderr.write(text),
    readListen: (configFile) => readListen(configFile, process.env),
  });
}

process.exitCode = await main(process.argv.slice(2));
// Threads that the kernel holds, or a client's half-closed socket, are no reason to stay.
process.exit();
