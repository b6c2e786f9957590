import { createLogger, messageOf } from '@portcullis/shared';
import type { Logger } from '@portcullis/shared';
import { detachStdio } from '@portcullis/shared/launch';
import { openNative } from '@portcullis/shared/native';
import type { RunningClient } from '../client.js';
import { startLines } from '../logging/start-lines.js';
import { StdoutLines } from '../logging/stdout-lines.js';
import { complaintsOnly, createVoice, loggedLines } from '../logging/voice.js';
import type { Voice } from '../logging/voice.js';
import { ConfigurationError, readConfiguration } from '../read-configuration.js';
import type { Configuration } from '../read-configuration.js';
import { isBelow } from '../watch/mark-plan.js';
import { waitForDaemon } from './ask-question.js';
import { contactOf, testConnection } from './contact-daemon.js';
import { runClient } from './run-client.js';
import { EXIT, LAST_LINES_MAX_MS, sayLines } from './run.js';
import type { Run } from './run.js';
import type { ClientSignals } from './signals.js';

const STDOUT_FD = 1;

/** What is used all the way from the configuration to the end. */
interface Context {
  readonly run: Run;
  readonly configuration: Configuration;
  readonly logger: Logger;
  readonly voice: Voice;
  readonly isLocal: boolean;
  /** Log lines lost so far, on standard output and in the file of --log. */
  readonly linesDropped: () => number;
}

/**
 * Steps 5 to 8 of a start (behaviour 4.2), and the life that follows. An Exclude… option is not asked for, as clamonacc's
 * step 6 does: the daemon is known by its socket and never judged.
 *
 * @returns the exit code
 */
export async function startProtection(
  run: Run,
  configuration: Configuration,
  signals: ClientSignals,
): Promise<number> {
  const { config } = configuration;
  const contact = contactOf(config.listen, config.onAccess.curlTimeoutMs);
  const { logger, voice, destination, detach } = openConsole(run, configuration);
  sayConfiguration(voice, configuration);
  const problem = run.flags.wait
    ? (await waitForDaemon(contact, run.flags.ping, { voice, announces: false }))
      ? EXIT.done
      : EXIT.noAnswer
    : complain(voice, await testConnection(contact));
  if (problem !== EXIT.done) return problem;
  const linesDropped = (): number => destination.linesDropped + (run.logFile?.linesDropped ?? 0);
  const context = { run, configuration, logger, voice, isLocal: contact.isLocal, linesDropped };
  try {
    await live(context, signals, detach);
    return EXIT.done;
  } catch (error) {
    voice.say('error', messageOf(error), { event: 'startFailed', err: error });
    return EXIT.error;
  }
}

function sayConfiguration(voice: Voice, { warnings, notes }: Configuration): void {
  sayLines(voice, warnings);
  for (const line of notes) voice.say('plain', line, { event: 'configNote' });
}

function complain(voice: Voice, lines: readonly string[]): number {
  for (const line of lines) voice.say('error', line, { event: 'daemonUnreachable' });
  return lines.length === 0 ? EXIT.done : EXIT.error;
}

/** In the foreground everything goes to standard output; on the way to the background complaints go to the terminal. */
function openConsole(
  { flags, launched, logFile, streams }: Run,
  { settings }: Configuration,
): { logger: Logger; voice: Voice; destination: StdoutLines; detach: () => void } {
  const level = flags.verbose ? 'debug' : settings.logLevel;
  const destination = new StdoutLines(STDOUT_FD, (lines) => {
    logger.warn({ event: 'linesLost', lines }, `${lines} log lines could not be written`);
  });
  const logger = createLogger({
    name: 'onacc-client',
    level: launched === undefined ? level : 'silent',
    stdoutIsTty: launched === undefined && streams.isTty,
    destination,
  });
  let print = launched === undefined ? loggedLines(logger) : complaintsOnly(streams);
  const voice = createVoice((severity, text, facts) => {
    print(severity, text, facts);
  }, logFile);
  const detach = (): void => {
    print = () => undefined;
  };
  return { logger, voice, destination, detach };
}

async function live(context: Context, signals: ClientSignals, detach: () => void): Promise<void> {
  const { run, configuration, logger, voice } = context;
  const { logFile, launched } = run;
  const { files } = openNative();
  // Whoever only asks a question, or waits for the background, has no use for all that this loads.
  const { startClient } = await import('../client.js');
  const endNow = (reason: unknown): void => {
    dieNow(context, reason);
  };
  // What nobody foresaw would end the process in Node's way, which crashes while gates hold poll handles.
  process.on('uncaughtException', endNow);
  await runClient<RunningClient>({
    signals,
    voice,
    endNow,
    start: () =>
      startClient({
        configuration,
        action: run.flags.action,
        logger,
        textLog: logFile,
        hookStderr: launched === undefined ? 'inherit' : 'ignore',
        linesDropped: context.linesDropped,
        onFatal: endNow,
      }),
    onUp: (client) => {
      announce(client, context, 'protecting');
      if (launched === undefined) return;
      if (logFile === undefined) {
        voice.say(
          'warning',
          'Nothing will be logged: the background has no standard output, and --log=FILE was not given',
        );
      }
      launched.becomeReady(files, { changeDirectory: false });
      detach();
    },
    reload: async (client) => {
      logFile?.reopen();
      await reload(client, context);
    },
    onStopping: (client, signal) => {
      logger.info(
        { event: 'stopping', signal, ...client.totals() },
        `${signal}: answering what waits, then stopping`,
      );
    },
  });
  for (const part of ['ClamInotif', 'ClamScanQueue']) logFile?.write('plain', `${part}: stopped`);
  logger.info({ event: 'stopped' }, 'Clamonacc: stopped');
  // Whether there is a terminal cannot be asked of one that is gone.
  detachStdio(files);
}

/** SIGHUP: everything of clamd.conf and of the variables holds anew, but for what only a restart changes (docs/onaccess.md). */
async function reload(client: RunningClient, context: Context): Promise<void> {
  const { run, voice } = context;
  let configuration: Configuration;
  try {
    configuration = await readConfiguration(run.flags, run.env);
  } catch (error) {
    sayLines(voice, error instanceof ConfigurationError ? error.allLines : [`ERROR: ${messageOf(error)}`]);
    voice.say('error', 'SIGHUP: the configuration stays as it was', { event: 'reloadRefused' });
    return;
  }
  sayConfiguration(voice, configuration);
  await client.reload(configuration);
  run.logFile?.write('plain', 'Clamonacc: configuration reloaded');
  announce(client, { ...context, configuration }, 'reloaded');
}

function announce(
  client: RunningClient,
  { run, configuration, logger, isLocal }: Context,
  event: 'protecting' | 'reloaded',
): void {
  const { mode, description, degraded } = client.kernel;
  const coverage = client.coverage();
  if (degraded !== undefined) {
    logger.warn({ event: 'degraded', reason: degraded }, `${mode}: ${degraded}`);
    run.logFile?.write('warning', `${mode}: ${degraded}`);
  }
  const { config, plan, route } = configuration;
  const { onAccess } = config;
  const lines = startLines({
    mode,
    isLocal,
    transfer: route.transfer,
    strategy: coverage.strategy,
    depth: plan.depth,
    roots: coverage.roots,
    excluded: [
      ...plan.exclusions.patterns,
      ...plan.exclusions.directories.filter((path) => plan.paths.some((root) => isBelow(path, root))),
    ],
    extraScanning: onAccess.extraScanning,
    maxFileBytes: onAccess.maxFileSizeBytes,
  });
  for (const { severity, text } of lines) run.logFile?.write(severity, text);
  const roots = coverage.roots.map(({ path, state, directories }) => ({ path, state, directories }));
  const where = roots
    .map(({ path, state, directories }) => `${path} (${state}, ${directories} directories)`)
    .join(', ');
  logger.info({ event, mode, interface: description, roots }, `${mode} by ${description}: ${where}`);
}

/**
 * The last way out. An orderly exit would end gate threads that hold poll handles, which crashes in unknown ways; SIGKILL
 * closes the fanotify group at once, and the kernel lets everybody through who waits.
 */
function dieNow({ run, logger }: Context, reason: unknown): void {
  const text = `cannot go on: ${messageOf(reason)}`;
  logger.fatal({ event: 'fatal', err: reason }, text);
  if (run.launched !== undefined) run.streams.stderr(`ERROR: ${text}\n`);
  run.logFile?.write('error', text);
  const die = (): void => {
    process.kill(process.pid, 'SIGKILL');
  };
  if (run.logFile === undefined) die();
  else void run.logFile.flush(LAST_LINES_MAX_MS).then(die);
}
