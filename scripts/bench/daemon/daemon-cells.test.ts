import { expect, test } from '@jest/globals';
import { renderDaemonConf } from './daemon-conf.js';
import { loadCells } from './daemon-cells.js';
import { cellSamples } from './measure-daemon.js';
import { countReloads } from './running-daemon.js';

test('loadCells: keys and labels are distinct, every way has 1 and 16 clients, FILDES never goes over TCP', () => {
  expect(new Set(loadCells.map(({ key }) => key)).size).toBe(18);
  expect(new Set(loadCells.map(({ label }) => label)).size).toBe(18);
  expect(loadCells.filter(({ clients }) => clients === 16)).toHaveLength(9);
  expect(loadCells.filter(({ command, address }) => command === 'FILDES' && address === 'tcp')).toEqual([]);
});

test('cellSamples: gives requests/s and µs a request, or MB/s and ms a megabyte', () => {
  const report = { requests: 500, bytes: 2_048_000, elapsedMs: 250, cpuMs: 50 };
  expect(cellSamples({ key: 'k', unit: 'requests/s' }, report, 100)).toEqual([
    { key: 'k', value: 2000 },
    { key: 'k.cpu', value: 200 },
    { key: 'k.generator', value: 20 },
  ]);
  const large = { requests: 5, bytes: 100_000_000, elapsedMs: 500, cpuMs: 10 };
  expect(cellSamples({ key: 'k', unit: 'MB/s' }, large, 300)).toEqual([
    { key: 'k', value: 200 },
    { key: 'k.cpu', value: 3 },
    { key: 'k.generator', value: 2 },
  ]);
});

test('renderDaemonConf: names only directives of ClamAV and keeps the daemon in the foreground', () => {
  const text = renderDaemonConf({
    socketPath: '/r/s.sock',
    tcpPort: 4711,
    signatureDirectory: '/r/db',
    temporaryDirectory: '/r/tmp',
  });
  expect(text.split('\n')).toEqual([
    'LocalSocket /r/s.sock',
    'TCPSocket 4711',
    'TCPAddr 127.0.0.1',
    'DatabaseDirectory /r/db',
    'TemporaryDirectory /r/tmp',
    'Foreground yes',
    'User clamav',
    '',
  ]);
});

test('countReloads: counts finished reloads in the words of both daemons', () => {
  const clamd = 'Reading databases from /db\nDatabase correctly reloaded (5 signatures)\n';
  const ours = '{"msg":"Database correctly reloaded (5 signatures)"}\n{"msg":"Reading databases from /db"}\n';
  expect(countReloads(clamd + ours)).toBe(2);
  expect(countReloads('')).toBe(0);
});
