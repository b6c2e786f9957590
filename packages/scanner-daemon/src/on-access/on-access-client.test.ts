import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { readClamdConfig } from '@portcullis/shared';
import { describeOrSkip, makeTempDir, type TempDir } from '@portcullis/shared/testing';
import { missingPrivilege } from './missing-privilege.js';
import { openOnAccessClient, type OnAccessClient } from './on-access-client.js';

const KEEPER = fileURLToPath(new URL('./keeper-process.js', import.meta.url));
const WAIT_MAX_MS = 15_000;
const unprivileged = missingPrivilege(process.geteuid?.());

let directory: TempDir;
let said: string[];
let client: OnAccessClient | undefined;

beforeEach(() => {
  directory = makeTempDir('keeper-');
  said = [];
});

afterEach(async () => {
  await client?.stop();
  client = undefined;
  directory.remove();
});

/** A client of this script, which finds its own path in argv. */
function open(script: string, lines: readonly string[] = ['OnAccessIncludePath /srv']): void {
  const program = `${directory.path}/client.cjs`;
  writeFileSync(
    program,
    `const fs = require('node:fs'); const here = ${JSON.stringify(directory.path)};\n${script}`,
  );
  const configFile = `${directory.path}/clamd.conf`;
  const text = ['ScanOnAccess yes', ...lines, ''].join('\n');
  writeFileSync(configFile, text);
  const { config, issues } = readClamdConfig(text, configFile);
  if (config === undefined) throw new Error('not a clamd.conf');
  client = openOnAccessClient({
    ...{ configFile, warnings: issues, onAccess: config.onAccess },
    log: { say: (severity, line) => said.push(`${severity} ${line}`) },
    programs: { keeper: KEEPER, client: program },
  });
}

async function until(condition: () => boolean): Promise<void> {
  const giveUpAtMs = Date.now() + WAIT_MAX_MS;
  while (!condition()) {
    if (Date.now() > giveUpAtMs) throw new Error(`waited in vain:\n${said.join('\n')}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

const pidOf = (name: string): number => Number(readFileSync(`${directory.path}/${name}`, 'utf8'));
const hasPid = (name: string): boolean => existsSync(`${directory.path}/${name}`) && pidOf(name) > 0;
const isAlive = (pid: number): boolean => existsSync(`/proc/${pid}`);

const LIVE = `fs.writeFileSync(here + '/pid', String(process.pid)); setInterval(() => {}, 1000);`;

describeOrSkip('openOnAccessClient', unprivileged, () => {
  test('starts the client when the daemon serves, not before, with the configuration and a parent pipe', async () => {
    open(
      `fs.writeFileSync(here + '/args', JSON.stringify([process.argv.slice(2), process.env.PORTCULLIS_PARENT_FD])); ${LIVE}`,
    );
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(hasPid('pid')).toBe(false);
    client?.serve();
    await until(() => hasPid('pid'));
    const given = JSON.parse(readFileSync(`${directory.path}/args`, 'utf8')) as unknown;
    expect(given).toEqual([['-F', '--wait', '-c', `${directory.path}/clamd.conf`], '3']);
  }, 30_000);

  test('writes down what the client says', async () => {
    open(`console.log('{"level":"info","msg":"protecting"}'); console.error('ERROR: oh'); ${LIVE}`);
    client?.serve();
    await until(
      () => said.includes('info ScanOnAccess: protecting') && said.includes('error ScanOnAccess: oh'),
    );
  }, 30_000);

  test('ends the client with the daemon, one that ignores SIGTERM too', async () => {
    open(`process.on('SIGTERM', () => {}); ${LIVE}`);
    client?.serve();
    await until(() => hasPid('pid'));
    const pid = pidOf('pid');
    await client?.stop();
    await until(() => !isAlive(pid));
  }, 30_000);

  test('starts one that dies anew, later each time', async () => {
    open(`fs.appendFileSync(here + '/starts', 'x'); process.exit(7);`);
    client?.serve();
    await until(
      () => existsSync(`${directory.path}/starts`) && readFileSync(`${directory.path}/starts`).length >= 2,
    );
    expect(said.join('\n')).toMatch(
      /error ScanOnAccess: the on-access client ended \(exit code 7\).*again in 1 s/,
    );
  }, 30_000);

  test('leaves one alone that was told to stop', async () => {
    open(`fs.appendFileSync(here + '/starts', 'x'); setTimeout(() => process.exit(0), 100);`);
    client?.serve();
    await until(() => said.some((line) => line.includes('was stopped')));
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    expect(readFileSync(`${directory.path}/starts`, 'utf8')).toBe('x');
  }, 30_000);

  test('signals to every process of the unit, as logrotate sends them, end nothing', async () => {
    open(
      `for (const signal of ['SIGHUP', 'SIGUSR1', 'SIGUSR2']) process.on(signal, () => fs.appendFileSync(here + '/heard', signal));
       fs.writeFileSync(here + '/keeper', String(process.ppid)); ${LIVE}`,
    );
    client?.serve();
    await until(() => hasPid('pid'));
    for (const signal of ['SIGHUP', 'SIGUSR1', 'SIGUSR2'] as const) process.kill(pidOf('keeper'), signal);
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect({ keeper: isAlive(pidOf('keeper')), client: isAlive(pidOf('pid')) }).toEqual({
      keeper: true,
      client: true,
    });
    // The keeper passes nothing on: the client gets the unit's signals itself.
    expect(existsSync(`${directory.path}/heard`)).toBe(false);
    expect(said.join('\n')).not.toMatch(/keeper|ended/);
  }, 30_000);

  test('a keeper that is stopped before the daemon serves leaves nothing', async () => {
    open(LIVE);
    await client?.stop();
    client?.serve();
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(hasPid('pid')).toBe(false);
  }, 30_000);
});

test('without ScanOnAccess there is nothing to serve', () => {
  const configFile = `${directory.path}/clamd.conf`;
  writeFileSync(configFile, 'ScanOnAccess no\n');
  const warnings = readClamdConfig('ScanOnAccess no\n', configFile).issues;
  const onAccess = { includePaths: ['/srv'], mountPaths: [] };
  const log = { say: (_severity: string, line: string) => said.push(line) };
  expect(openOnAccessClient({ configFile, warnings, onAccess, log })).toBeUndefined();
  expect(said).toEqual([]);
});

describe('openOnAccessClient without what it takes', () => {
  test('says that nothing is to be protected', () => {
    open(LIVE, []);
    client?.serve();
    expect(said.join()).toMatch(
      /error ScanOnAccess: .*neither OnAccessIncludePath nor OnAccessMountPath.*sudo onacc-client -c/,
    );
  });

  test('says where the client should be', () => {
    const configFile = `${directory.path}/clamd.conf`;
    writeFileSync(configFile, 'ScanOnAccess yes\n');
    const opened = openOnAccessClient({
      configFile,
      warnings: readClamdConfig('ScanOnAccess yes\n', configFile).issues,
      onAccess: { includePaths: ['/srv'], mountPaths: [] },
      log: { say: (_severity, line) => said.push(line) },
      programs: { keeper: KEEPER, client: '/nowhere/onacc-client.js' },
    });
    opened?.serve();
    expect(said.join()).toContain('it is not installed at /nowhere/onacc-client.js');
  });
});
