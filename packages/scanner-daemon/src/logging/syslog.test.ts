import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { WOULD_BLOCK, openNative } from '@portcullis/shared/native';
import { openSyslog, SYSLOG_MESSAGE_MAX_BYTES, type SyslogOptions } from './syslog.js';

const native = openNative();
let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'syslog-'));
});
afterEach(() => {
  rmSync(directory, { recursive: true });
});

function open(options: Partial<SyslogOptions> = {}) {
  return openSyslog({
    sockets: native.sockets,
    files: native.files,
    facility: 'LOG_LOCAL6',
    cleanFiles: false,
    verbose: false,
    path: join(directory, 'log'),
    pid: 4711,
    now: () => new Date(2026, 10, 1, 20, 4, 9),
    ...options,
  });
}

/** The other end, as syslogd has it. */
function listen(path = join(directory, 'log')) {
  const fd = native.sockets.createDatagram();
  native.sockets.bindUnix(fd, path);
  return {
    next: () => native.sockets.receive(fd)?.bytes.toString(),
    close: () => {
      native.files.close(fd);
    },
  };
}

describe('openSyslog', () => {
  test('sends what clamd sends: facility, level, time, ident, pid, text without severity', () => {
    const service = listen();
    const log = open({ verbose: true });
    log.write('info', '/tmp/a: Test.A.UNOFFICIAL FOUND');
    log.write('warning', 'File path check failure on: /nope');
    log.write('error', 'reload_th: Database load failed: Malformed database');
    log.write('verbose', 'MaxQueue set to: 100');
    log.close();
    // The numbers were recorded from clamd 1.4.6.
    expect([service.next(), service.next(), service.next(), service.next(), service.next()]).toEqual([
      '<182>Nov  1 20:04:09 clamd[4711]: /tmp/a: Test.A.UNOFFICIAL FOUND',
      '<180>Nov  1 20:04:09 clamd[4711]: File path check failure on: /nope',
      '<179>Nov  1 20:04:09 clamd[4711]: reload_th: Database load failed: Malformed database',
      '<183>Nov  1 20:04:09 clamd[4711]: MaxQueue set to: 100',
      undefined,
    ]);
    service.close();
  });

  test.each([
    ['LOG_KERN', 6],
    ['LOG_USER', 14],
    ['LOG_MAIL', 22],
    ['LOG_DAEMON', 30],
    ['LOG_AUTH', 38],
    ['LOG_SYSLOG', 46],
    ['LOG_LPR', 54],
    ['LOG_NEWS', 62],
    ['LOG_UUCP', 70],
    ['LOG_CRON', 78],
    ['LOG_AUTHPRIV', 86],
    ['LOG_FTP', 94],
    ['LOG_LOCAL0', 134],
    ['LOG_LOCAL7', 190],
  ])('%s begins an info line with <%i>, as clamd does', (facility, priority) => {
    const service = listen();
    const log = open({ facility });
    log.write('info', 'x');
    log.close();
    expect(service.next()).toMatch(new RegExp(`^<${priority}>`));
    service.close();
  });

  test('refuses a facility as clamd does', () => {
    for (const facility of ['log_mail', 'MAIL', 'LOG_LOCAL8', '']) {
      expect(() => open({ facility })).toThrow(`LogFacility: ${facility}: No such facility.`);
    }
  });

  test('leaves verbose lines out unless asked for', () => {
    const service = listen();
    const log = open();
    log.write('verbose', 'no');
    log.close();
    expect(service.next()).toBeUndefined();
    service.close();
  });

  test('a service that is not there, or goes, costs messages and is met again by itself', () => {
    const failures: unknown[] = [];
    const log = open({ onFailure: (error) => failures.push(error) });
    log.write('info', 'nobody');
    log.write('info', 'nobody yet');
    expect(log.droppedCount).toBe(2);
    const first = listen();
    log.write('info', 'here');
    expect([first.next(), first.next()]).toEqual([
      '<180>Nov  1 20:04:09 clamd[4711]: 2 messages could not be sent to syslog.',
      '<182>Nov  1 20:04:09 clamd[4711]: here',
    ]);
    first.close();
    log.write('info', 'gone');
    rmSync(join(directory, 'log'));
    const second = listen();
    log.write('info', 'again');
    expect(second.next()).toContain('1 messages could not be sent');
    expect(second.next()).toContain('again');
    log.close();
    second.close();
    expect(failures).toMatchObject([{ code: 'ENOENT' }, { code: 'ECONNREFUSED' }]);
  });

  test('a service that does not keep up holds up nobody', () => {
    const service = listen();
    const log = open();
    for (let n = 0; n < 5000; n += 1) log.write('info', `line ${n}`);
    expect(log.droppedCount).toBeGreaterThan(0);
    let received = 0;
    while (service.next() !== undefined) received += 1;
    expect(received + log.droppedCount).toBe(5000);
    log.close();
    service.close();
  });

  test('cuts a message at its bound, between characters, and shows control characters', () => {
    const sent: Buffer[] = [];
    const log = open({
      sockets: {
        createDatagram: () => -1,
        sendTo: (_fd, bytes) => {
          sent.push(Buffer.from(bytes));
          return bytes.length;
        },
      },
      files: { close: () => undefined },
    });
    for (let shift = 0; shift < 4; shift += 1) log.write('info', `${'x'.repeat(shift)}${'€'.repeat(5000)}`);
    log.write('info', 'a\nb\u0000c');
    log.close();
    for (const bytes of sent.slice(0, 4)) {
      expect(bytes.length).toBeLessThanOrEqual(SYSLOG_MESSAGE_MAX_BYTES);
      expect(bytes.length).toBeGreaterThan(SYSLOG_MESSAGE_MAX_BYTES - 3);
      expect(bytes.toString()).toMatch(/€$/);
    }
    expect(sent[4]?.toString()).toMatch(/: a\\x0ab\\x00c$/);
  });

  test('closes its socket once, and drops what comes afterwards', () => {
    const closed: number[] = [];
    const log = open({
      sockets: { createDatagram: () => 7, sendTo: () => WOULD_BLOCK },
      files: { close: (fd) => closed.push(fd) },
    });
    log.close();
    log.close();
    log.write('info', 'late');
    expect([closed, log.droppedCount]).toEqual([[7], 0]);
  });
});
