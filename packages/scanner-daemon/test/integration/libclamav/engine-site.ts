import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { closeSync, existsSync, openSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { openNative } from '@portcullis/shared/native';
import { DEBIAN_CLAMD } from '../clients/debian-clamd.js';
import { createSite, startDaemon, type DaemonProcess, type Site } from '../daemon-process.js';
import { UnixClient } from '../raw-client.js';
import { pauseMs } from '../server-harness.js';

/** Where Debian's package puts its harmless samples: one program, packed in 44 ways. */
export const TESTFILES = '/usr/share/clamav-testfiles';
const WAIT_MAX_MS = 30_000;
/** The file that all others hold. */
export const PLAIN_TESTFILE = join(TESTFILES, 'clam.exe');
/** A piece of its code, which packers leave alone. */
const CODE_BEGIN = 0x40;
const CODE_END = 0x60;

/** Why these tests cannot run here; undefined when they can. */
export const whyNoLibclamav = [
  { isThere: hasLibrary(), reason: 'no libclamav is installed' },
  { isThere: existsSync(DEBIAN_CLAMD), reason: `there is no ${DEBIAN_CLAMD}` },
  { isThere: existsSync(PLAIN_TESTFILE), reason: `there is no ${PLAIN_TESTFILE}` },
].find(({ isThere }) => !isThere)?.reason;

function hasLibrary(): boolean {
  try {
    return execFileSync('/sbin/ldconfig', ['-p'], { encoding: 'utf8' }).includes('libclamav.so.');
  } catch {
    return false;
  }
}

/** As {@link createSite}, with signatures for the testfiles: by hash, and two for parts of it. */
export async function createEngineSite(lines: readonly string[] = []): Promise<Site> {
  const site = await createSite(lines);
  const content = readFileSync(PLAIN_TESTFILE);
  const code = content.subarray(CODE_BEGIN, CODE_END).toString('hex');
  const md5 = createHash('md5').update(content).digest('hex');
  site.put('db/testfile.hdb', `${md5}:${content.length}:Test.ClamFile\n`);
  site.put(
    'db/testfile.ndb',
    `Test.ClamCode:0:*:${code}\nTest.ClamImport:0:*:${Buffer.from('CLAMessageBoxA').toString('hex')}\n`,
  );
  return site;
}

/** Starts our daemon with libclamav. */
export function startWithLibclamav(site: Site, env: Record<string, string> = {}): Promise<DaemonProcess> {
  return startDaemon(site, { SCANNER_ENGINE: 'libclamav', ...env });
}

/** The process that holds libclamav; undefined while there is none. */
export function hostPidOf({ pid }: Pick<DaemonProcess, 'pid'>): number | undefined {
  return childrenOf(pid).find((child) => commandLineOf(child).includes('host-process.js'));
}

/** As {@link hostPidOf}, of a daemon that has one. */
export function theHostPidOf(daemon: DaemonProcess): number {
  const host = hostPidOf(daemon);
  if (host === undefined) throw new Error('the daemon has no process for libclamav');
  return host;
}

function childrenOf(parent: number): number[] {
  const isChild = (pid: number): boolean => {
    const stat = readProc(pid, 'stat');
    // The name, the second field, is in brackets and may hold spaces; the parent is the fourth (proc_pid_stat(5)).
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]) === parent;
  };
  return readdirSync('/proc').map(Number).filter(Number.isInteger).filter(isChild);
}

function commandLineOf(pid: number): string {
  return readProc(pid, 'cmdline').replaceAll('\0', ' ');
}

/** Empty for a process that has ended. */
function readProc(pid: number, name: string): string {
  try {
    return readFileSync(`/proc/${pid}/${name}`, 'latin1');
  } catch {
    return '';
  }
}

/** Whether a process runs: one that has ended and was not waited for does not. */
export function isAlive(pid: number): boolean {
  const stat = readProc(pid, 'stat');
  return stat !== '' && !/^[ZX]$/.test(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[0] ?? '');
}

export function residentBytesOf(pid: number): number {
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(readProc(pid, 'status'))?.[1]) * 1024;
}

/** Resolves when `holds` does; fails after half a minute. */
export async function eventually(holds: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const deadlineAtMs = performance.now() + WAIT_MAX_MS;
  while (!(await holds())) {
    if (performance.now() > deadlineAtMs) throw new Error(`${what} did not come about`);
    await pauseMs(20);
  }
}

/** FILDES with a file of ours, on a connection of its own. @returns the reply without the number of the descriptor. */
export async function fildes(socketPath: string, path: string): Promise<string> {
  const fd = openSync(path, 'r');
  const client = new UnixClient(openNative(), socketPath);
  try {
    client.sendWithFd('zFILDES\0\0', fd);
    await eventually(() => client.closed, `the answer to FILDES ${path}`);
    return client.received.replace(/^fd\[\d+\]: /, '');
  } finally {
    client.close();
    closeSync(fd);
  }
}

/** A file that libclamav is busy with for some time: of no type, and not twice the same. */
export function putSlowFile(site: Site, name: string, bytes: number): string {
  return site.put(name, randomBytes(bytes));
}

/** What the daemon's log says, in clamd's words. */
export function logOf(site: Site): string {
  return site.read('clamd.log');
}
