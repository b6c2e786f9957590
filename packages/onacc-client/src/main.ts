import { Command } from 'commander';
import { createLogger, describeEnv, PRODUCT_NAME, PRODUCT_VERSION, messageOf } from '@portcullis/shared';
import type { Logger } from '@portcullis/shared';
import { startClient } from './client.js';
import type { RunningClient } from './client.js';
import { ConfigurationError, readConfiguration } from './read-configuration.js';
import type { Configuration } from './read-configuration.js';
import { ENV_PREFIX, SETTINGS } from './settings.js';

/** clamonacc's exit codes (behaviour 4.2): 2 for whatever goes wrong at the start. */
const EXIT_ERROR = 2;
/** A stop that takes longer is ended by force: the kernel then releases everybody. */
const STOP_MAX_MS = 5_000;

interface Flags {
  readonly configFile?: string;
  readonly envFile?: string;
  readonly checkConfig?: boolean;
}

const program = new Command('onacc-client')
  .description(
    'Portcullis on-access client: answers the kernel about every open in the protected directories',
  )
  .version(`${PRODUCT_NAME} onacc-client ${PRODUCT_VERSION}`, '-V, --version')
  .option('-c, --config-file <file>', 'clamd.conf to read')
  .option('--env-file <file>', 'file with ONACC_ variables (default: .env here, if there is one)')
  .option('-F, --foreground', 'stay in the foreground (this version always does)')
  .option('--fdpass', 'pass descriptors to the daemon (this version always does)')
  .option('--check-config', 'print the effective configuration and every problem, then exit')
  .exitOverride((error) => {
    process.exit(error.exitCode === 0 ? 0 : EXIT_ERROR);
  });

program.parse();
await run(program.opts<Flags>());

async function run(flags: Flags): Promise<void> {
  let configuration: Configuration;
  try {
    configuration = await readConfiguration({
      configPath: flags.configFile,
      settingsPath: flags.envFile,
      env: process.env,
    });
  } catch (error) {
    const all = flags.checkConfig === true ? 'allLines' : 'lines';
    fail(error instanceof ConfigurationError ? error[all] : [`ERROR: ${messageOf(error)}`]);
    return;
  }
  if (flags.checkConfig === true) {
    printConfiguration(configuration);
    return;
  }
  await protect(configuration);
}

async function protect(configuration: Configuration): Promise<void> {
  const { config, settings, plan } = configuration;
  const logger = createLogger({
    name: 'onacc-client',
    level: settings.logLevel,
    stdoutIsTty: process.stdout.isTTY,
  });
  for (const line of configuration.warnings) logger.warn({ event: 'configWarning' }, line);
  try {
    const client = await startClient({
      config,
      settings,
      socketPath: configuration.socketPath,
      roots: plan.roots.map(({ path }) => path),
      excluded: plan.excluded,
      logger,
      onFatal: (reason) => {
        dieNow(logger, reason);
      },
    });
    stopOnSignals(client, logger);
    announce(client, logger);
  } catch (error) {
    logger.fatal({ event: 'startFailed', err: error }, messageOf(error));
    fail([`ERROR: ${messageOf(error)}`]);
  }
}

function announce(client: RunningClient, logger: Logger): void {
  const { mode, description, degraded } = client.kernel;
  const coverage = client.coverage();
  if (degraded !== undefined) logger.warn({ event: 'degraded', reason: degraded }, `${mode}: ${degraded}`);
  const roots = coverage.roots.map(({ path, state, directories }) => ({ path, state, directories }));
  const where = roots
    .map(({ path, state, directories }) => `${path} (${state}, ${directories} directories)`)
    .join(', ');
  logger.info(
    { event: 'protecting', mode, interface: description, roots },
    `${mode} by ${description}: ${where}`,
  );
}

function stopOnSignals(client: RunningClient, logger: Logger): void {
  let stopping = false;
  const stop = (signal: NodeJS.Signals): void => {
    if (stopping) return;
    stopping = true;
    logger.info(
      { event: 'stopping', signal, ...client.totals() },
      `${signal}: answering what waits, then stopping`,
    );
    setTimeout(() => {
      dieNow(logger, new Error(`not stopped after ${STOP_MAX_MS} ms`));
    }, STOP_MAX_MS).unref();
    client.stop().then(
      () => {
        logger.info({ event: 'stopped' }, 'stopped');
        process.exit(0);
      },
      (error: unknown) => {
        dieNow(logger, error);
      },
    );
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
}

/**
 * The last way out. An orderly exit would end gate threads that hold poll handles, which crashes in unknown ways; SIGKILL closes
 * the fanotify group at once, and the kernel lets everybody through who waits.
 */
function dieNow(logger: Logger, reason: unknown): void {
  logger.fatal({ event: 'fatal', err: reason }, `cannot go on: ${messageOf(reason)}`);
  process.kill(process.pid, 'SIGKILL');
}

function printConfiguration(configuration: Configuration): void {
  const { settings, plan } = configuration;
  const lines = [
    ...configuration.described,
    `# clamd.conf: ${configuration.configPath}`,
    `# daemon: ${configuration.socketPath}`,
    `# protect: ${plan.roots.map(({ path, state }) => `${path} (${state})`).join(', ')}`,
    ...describeEnv(SETTINGS, settings, ENV_PREFIX),
    ...configuration.warnings,
  ];
  process.stdout.write(`${lines.join('\n')}\n`);
}

function fail(lines: readonly string[]): void {
  process.stderr.write(`${lines.join('\n')}\n`);
  process.exit(EXIT_ERROR);
}
