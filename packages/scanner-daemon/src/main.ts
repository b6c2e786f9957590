import { formatConfigIssue, issuesUpToFirstError } from '@portcullis/shared';
import { parseCommandLine, VERSION_LINE, type CommandLineFlags } from './command-line.js';
import { runDaemon } from './daemon.js';
import { readConfiguration, type Configuration } from './read-configuration.js';

/** argv, environment and file become a configuration; what comes of it is an exit code (behaviour 2.3). */
async function main(args: readonly string[]): Promise<number> {
  const commandLine = parseCommandLine(args);
  if (commandLine.kind === 'done') {
    process.stdout.write(commandLine.stdout);
    process.stderr.write(commandLine.stderr);
    return commandLine.exitCode;
  }
  const { flags } = commandLine;
  const configuration = configure(flags);
  if (typeof configuration === 'number') return configuration;
  return await runDaemon(configuration, { stdoutIsTty: process.stdout.isTTY });
}

/** @returns the configuration, or the exit code when that is all there is to do. */
function configure(flags: CommandLineFlags): Configuration | number {
  const reading = readConfiguration(flags, process.env);
  if (reading.kind === 'refused') {
    const issues = flags.checkConfig ? reading.issues : issuesUpToFirstError(reading.issues);
    for (const issue of issues) console.error(formatConfigIssue(issue));
    if (reading.followUp !== undefined) console.error(`ERROR: ${reading.followUp}`);
    return 1;
  }
  const { configuration, description } = reading;
  for (const issue of configuration.warnings) console.error(formatConfigIssue(issue));
  if (!flags.checkConfig) return configuration;
  console.log(`# ${VERSION_LINE}`);
  console.log(`# ${configuration.configFile ?? 'no clamd.conf: embedded defaults'}`);
  for (const line of description) console.log(line);
  return 0;
}

process.exitCode = await main(process.argv.slice(2));
// Threads that the kernel holds, or a client's half-closed socket, are no reason to stay.
process.exit();
