import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import {
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { readClamdConfig } from '@portcullis/shared';
import { describeOrSkip } from '@portcullis/shared/testing';
import { ALL_FEATURES } from '../../src/logging/feature-lines.js';
import { databaseRemarks, openingLines, servingLines } from '../../src/logging/startup-lines.js';
import {
  ask,
  createSite,
  DaemonProcess,
  instream,
  MARKER,
  startDaemon,
  type Site,
} from './daemon-process.js';

const CLAMD = '/usr/sbin/clamd';
const NO_CLAMD = existsSync(CLAMD) ? undefined : 'no clamd here';
const START_MAX_MS = 30_000;

/** What the tests of this file started; ended and removed even when one of them fails. */
const cleanUps: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
}, START_MAX_MS);

async function startClamd(options: readonly string[]): Promise<Clamd> {
  const clamd = new Clamd(options);
  cleanUps.push(() => {
    clamd.remove();
  });
  cleanUps.push(() => clamd.stop());
  await clamd.ready();
  return clamd;
}

async function openSite(options: readonly string[] = []): Promise<Site> {
  const site = await createSite(options);
  cleanUps.push(() => {
    site.remove();
  });
  return site;
}

async function start(site: Site, configFile = site.configFile): Promise<DaemonProcess> {
  const daemon = new DaemonProcess(['-c', configFile]);
  cleanUps.push(() => daemon.stop());
  await daemon.says('Ready for clients');
  return daemon;
}

/** Debian's clamd on a site of its own. */
class Clamd {
  readonly root = mkdtempSync(join(tmpdir(), 'clamd-log-test-'));
  readonly #child: ChildProcess;

  constructor(lines: readonly string[]) {
    mkdirSync(join(this.root, 'db'));
    writeFileSync(join(this.root, 'db', 't.ndb'), `Test.Marker:0:*:${Buffer.from(MARKER).toString('hex')}\n`);
    writeFileSync(
      join(this.root, 'c'),
      [
        `LocalSocket ${this.socketPath}`,
        `DatabaseDirectory ${join(this.root, 'db')}`,
        `LogFile ${join(this.root, 'clamd.log')}`,
        'Foreground yes',
        ...lines,
        '',
      ].join('\n'),
    );
    this.#child = spawn(CLAMD, ['-c', join(this.root, 'c')], { stdio: 'ignore' });
  }

  get socketPath(): string {
    return join(this.root, 's');
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  async ready(): Promise<void> {
    const deadlineAtMs = Date.now() + START_MAX_MS;
    while (Date.now() < deadlineAtMs && !(await answers(this.socketPath))) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = new Promise((resolve) => this.#child.once('close', resolve));
    this.#child.kill();
    await ended;
  }

  /** Its log, with its directory as `@`. */
  lines(): string[] {
    return readFileSync(join(this.root, 'clamd.log'), 'utf8').replaceAll(this.root, '@').split('\n');
  }

  remove(): void {
    rmSync(this.root, { recursive: true });
  }
}

/** Listening is not enough: a signal that comes before clamd takes its first command kills it. */
async function answers(path: string): Promise<boolean> {
  return (await ask(path, 'zPING\0').catch(() => '')) === 'PONG\0';
}

const ALL_ON = [
  ...['AlertEncrypted yes', 'AlertEncryptedArchive yes', 'AlertEncryptedDoc yes', 'AlertExceedsMax yes'],
  ...[
    'HeuristicScanPrecedence yes',
    'AlertBrokenExecutables yes',
    'AlertBrokenMedia yes',
    'ScanPartialMessages yes',
  ],
  ...['AlertOLE2Macros yes', 'AlertPhishingSSLMismatch yes', 'AlertPhishingCloak yes', 'DetectPUA yes'],
  ...['AlertPartitionIntersection yes', 'StructuredDataDetection yes', 'ExcludePUA A', 'ExcludePUA B'],
  ...['BytecodeUnsigned yes', 'LogVerbose yes'],
];
const ALL_OFF = [
  ...[
    'ScanMail no',
    'ScanPartialMessages yes',
    'ScanOLE2 no',
    'AlertOLE2Macros yes',
    'ScanPE no',
    'ScanELF no',
  ],
  ...['AlertBrokenExecutables yes', 'ScanImage no', 'ScanImageFuzzyHash no', 'ScanHTML no', 'ScanPDF no'],
  ...[
    'ScanSWF no',
    'ScanXMLDOCS no',
    'ScanHWP3 no',
    'ScanOneNote no',
    'PhishingSignatures no',
    'Bytecode no',
  ],
  ...[
    'PhishingScanURLs no',
    'AlertPhishingCloak yes',
    'HeuristicAlerts no',
    'ScanArchive no',
    'AlertEncrypted yes',
  ],
  ...['SelfCheck 0', 'MaxScanTime 0', 'MaxFiles 0', 'MaxFileSize 0', 'MaxScanSize 0', 'LogFileMaxSize 0'],
];

describeOrSkip('the start-up lines against Debian’s clamd', NO_CLAMD, () => {
  test.each([
    ['without options', []],
    ['with everything on', ALL_ON],
    ['with everything off', ALL_OFF],
  ])(
    'are the same %s',
    async (_what, options) => {
      const clamd = await startClamd(options);
      await clamd.stop();
      const { config } = readClamdConfig(readFileSync(join(clamd.root, 'c')), 'c');
      if (config === undefined) throw new Error('a mistake in the test');
      const libclamav = { name: 'libclamav', features: ALL_FEATURES, fileMaxBytes: 2_147_483_645 };
      const ours = [
        ...openingLines(config, { productLine: 'us', inheritedSockets: 0, architecture: process.arch }),
        ...databaseRemarks(config, libclamav),
        ...servingLines(config, libclamav, clamd.pid),
      ]
        .filter(({ severity }) => severity !== 'verbose' || config.logging.verbose)
        .map(({ severity, text }) => `${severity === 'warning' ? 'WARNING: ' : ''}${text}`)
        .map((line) => line.replaceAll(clamd.root, '@'));
      // Others write these: the loader, the listeners, the queue; and the core limit is not ours to know.
      const notHere =
        /^(\+\+\+|---|Reading databases |Loaded |LOCAL: |MaxQueue |Waiting |Shutting |Closing |Socket file|.*Core-dump|$)/;
      expect(['us', ...clamd.lines().filter((line) => !notHere.test(line))]).toEqual(ours);
    },
    START_MAX_MS + 10_000,
  );
});

describe('the log of a daemon', () => {
  let site: Site;
  let daemon: DaemonProcess;

  beforeAll(async () => {
    site = await createSite([
      'LogClean yes',
      'LogTime yes',
      'LogVerbose yes',
      'LogFileMaxSize 4K',
      'LogRotate yes',
      'CacheSize 1',
    ]);
    site.put('files/marked', `x${MARKER}`);
    site.put('files/clean', 'nothing to see');
    daemon = await startDaemon(site);
  }, START_MAX_MS);
  afterAll(async () => {
    await daemon.stop();
    site.remove();
  });

  test('tells at the start of an option without effect', () => {
    expect(site.read('clamd.log')).toMatch(
      /^.* -> WARNING: CacheSize has no effect: there is no cache of clean files$/m,
    );
  });

  test('has a line a scan, with its time', async () => {
    const [marked, clean] = [join(site.root, 'files/marked'), join(site.root, 'files/clean')];
    await ask(site.socketPath, `zSCAN ${marked}\0`);
    await ask(site.socketPath, `zSCAN ${clean}\0`);
    await ask(site.socketPath, instream(MARKER));
    const time = /^\w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d \d{4} -> /;
    const lines = site.read('clamd.log').split('\n').filter(Boolean);
    expect(lines.every((line) => time.test(line))).toBe(true);
    expect(lines.map((line) => line.replace(time, '')).slice(-3)).toEqual([
      `${marked}: Test.Marker.UNOFFICIAL FOUND`,
      `${clean}: OK`,
      'instream(local): Test.Marker.UNOFFICIAL FOUND',
    ]);
  });

  test('is taken up anew after SIGHUP', async () => {
    rmSync(join(site.root, 'clamd.log'));
    daemon.signal('SIGHUP');
    await daemon.says('SIGHUP caught');
    await ask(site.socketPath, instream('clean'));
    expect(site.read('clamd.log')).toMatch(/instream\(local\): OK\n$/);
  });

  test('is rotated without losing a line', async () => {
    const path = join(site.root, 'files/clean');
    // Rounds, since a Unix socket refuses a connection beyond its backlog (MaxConnectionQueueLength).
    const [rounds, clients] = [8, 50];
    for (let round = 0; round < rounds; round += 1) {
      await Promise.all(Array.from({ length: clients }, () => ask(site.socketPath, `zSCAN ${path}\0`)));
    }
    const names = readdirSync(site.root).filter((name) => /^clamd.*\.log$/.test(name));
    expect(names.length).toBeGreaterThan(2);
    const lines = names.flatMap((name) => site.read(name).split('\n'));
    expect(lines.filter((line) => line.endsWith(`${path}: OK`)).length).toBeGreaterThanOrEqual(
      rounds * clients,
    );
  });
});

describe('one LogFile', () => {
  test(
    'is for one daemon: a second one is refused with clamd’s words, unless LogFileUnlock',
    async () => {
      const site = await openSite();
      await start(site);
      const text = site
        .read('clamd.conf')
        .replace(/^LocalSocket .*$/m, `LocalSocket ${site.root}/other.sock`);
      const second = new DaemonProcess(['-c', site.put('second.conf', text.replace(/^TCP.*$/gm, ''))]);
      const exit = await second.exited;
      expect(exit.code).toBe(1);
      expect(exit.stdout + exit.stderr).toContain(
        `Failed to lock the log file ${site.root}/clamd.log: Resource temporarily unavailable\n`,
      );
      const unlocked = `${text.replace(/^(TCP|PidFile).*$/gm, '')}\nLogFileUnlock yes\n`;
      await start(site, site.put('third.conf', unlocked));
    },
    2 * START_MAX_MS,
  );
});

describeOrSkip('what is not scanned', NO_CLAMD, () => {
  test(
    'reads in our log as in clamd’s',
    async () => {
      const options = ['LogVerbose yes', 'LogClean yes', 'StreamMaxLength 1K', 'ExtendedDetectionInfo yes'];
      const clamd = await startClamd(options);
      const site = await createSite(options);
      const daemon = await startDaemon(site);
      for (const [root, socketPath] of [
        [clamd.root, clamd.socketPath],
        [site.root, site.socketPath],
      ] as const) {
        writeFileSync(join(root, 'marked'), `x${MARKER}`);
        execFileSync('mkfifo', [join(root, 'fifo')]);
        for (const request of [
          `zSCAN ${root}/missing\0`,
          `zSCAN ${root}/fifo\0`,
          `zSCAN ${root}/marked\0`,
          `zALLMATCHSCAN ${root}/marked\0`,
          instream(Buffer.alloc(4096), 4096),
        ]) {
          await ask(socketPath, request).catch(() => undefined); // clamd resets the last one.
        }
      }
      await Promise.all([daemon.stop(), clamd.stop()]);
      const isOfInterest = (line: string): boolean => /^(WARNING: |Not supported|@\/marked)/.test(line);
      const ours = site.read('clamd.log').replaceAll(site.root, '@').split('\n').filter(isOfInterest);
      expect([...new Set(ours)]).toEqual([...new Set(clamd.lines().filter(isOfInterest))]);
      site.remove();
    },
    2 * START_MAX_MS,
  );
});

const NOT_ROOT = process.getuid?.() === 0 ? undefined : 'needs root';

describeOrSkip('the log after privileges were dropped', NOT_ROOT, () => {
  test(
    'is taken up anew where its directory allows it, and otherwise goes on in the old file',
    async () => {
      const site = await openSite(['User nobody', 'LogClean yes', 'LogFileMaxSize 2K', 'LogRotate yes']);
      const [uid = 0, gid = 0] = ['-u', '-g'].map((option) =>
        Number(execFileSync('id', [option, 'nobody'], { encoding: 'utf8' })),
      );
      for (const path of [site.root, join(site.root, 'spool')]) chownSync(path, uid, gid);
      mkdirSync(join(site.root, 'roots'));
      const log = join(site.root, 'roots', 'clamd.log');
      site.put('clamd.conf', site.read('clamd.conf').replace(/^LogFile .*$/m, `LogFile ${log}`));
      const daemon = await start(site);
      expect(statSync(log)).toMatchObject({ uid, gid });
      renameSync(log, `${log}.1`);
      daemon.signal('SIGHUP');
      await daemon.says('SIGHUP caught');
      // Nobody may make a file here: lines go on to the old one, beyond its limit if need be.
      for (let n = 0; n < 100; n += 1) await ask(site.socketPath, instream('clean'));
      expect(readFileSync(`${log}.1`, 'utf8').split('instream(local): OK')).toHaveLength(101);
      chownSync(join(site.root, 'roots'), uid, gid);
      await ask(site.socketPath, instream('clean'));
      expect(readFileSync(log, 'utf8')).toBe('instream(local): OK\n');
      expect(statSync(log)).toMatchObject({ uid, gid });
    },
    START_MAX_MS,
  );
});
