import { describe, expect, test } from '@jest/globals';
import { configuredAddresses, formatProbeAddress, parseProbeAddress } from './probe-address.js';

describe('parseProbeAddress', () => {
  test.each([
    ['unix:/run/clamav/clamd.ctl', { kind: 'unix', path: '/run/clamav/clamd.ctl' }],
    ['/run/clamav/clamd.ctl', { kind: 'unix', path: '/run/clamav/clamd.ctl' }],
    ['tcp://127.0.0.1:3310', { kind: 'tcp', host: '127.0.0.1', port: 3310 }],
    ['tcp://scanner.example.org:1', { kind: 'tcp', host: 'scanner.example.org', port: 1 }],
    ['tcp://[::1]:65535', { kind: 'tcp', host: '::1', port: 65_535 }],
    ['tcp://[fe80::1%eth0]:3310', { kind: 'tcp', host: 'fe80::1%eth0', port: 3310 }],
  ])('reads %s', (text, address) => {
    expect(parseProbeAddress(text)).toEqual(address);
  });

  test.each([
    '',
    'unix:',
    'unix:clamd.ctl',
    'clamd.ctl',
    `/${'x'.repeat(107)}`,
    '/a\0b',
    'tcp://127.0.0.1',
    'tcp://127.0.0.1:0',
    'tcp://127.0.0.1:65536',
    'tcp://::1:3310',
    'tcp://[localhost]:3310',
    'tcp://a b:1',
    'tcp://host:3310/x',
    'http://host:3310',
  ])('refuses %j', (text) => {
    expect(parseProbeAddress(text)).toBeUndefined();
  });

  test.each(['unix:/a/b', 'tcp://host:1', 'tcp://[::1]:3310'])('formatProbeAddress gives back %s', (text) => {
    const address = parseProbeAddress(text);
    expect(address && formatProbeAddress(address)).toBe(text);
  });
});

describe('configuredAddresses', () => {
  const ask = (localSocketPath: string | undefined, tcpPort: number | undefined, ...tcpAddresses: string[]) =>
    configuredAddresses({ localSocketPath, tcpPort, tcpAddresses }).map(formatProbeAddress);

  test('prefers LocalSocket', () => {
    expect(ask('/run/x', 3310, '10.0.0.1')).toEqual(['unix:/run/x']);
  });

  test('asks the addresses of TCPAddr, in their order', () => {
    expect(ask(undefined, 3310, '10.0.0.1', 'fd00::1')).toEqual([
      'tcp://10.0.0.1:3310',
      'tcp://[fd00::1]:3310',
    ]);
  });

  test('asks the loopback addresses, IPv6 too, where TCPAddr is every address', () => {
    const both = ['tcp://127.0.0.1:3310', 'tcp://[::1]:3310'];
    expect(ask(undefined, 3310)).toEqual(both);
    expect(ask(undefined, 3310, 'any')).toEqual(both);
    expect(ask(undefined, 3310, '0.0.0.0', '::', 'all')).toEqual(both);
  });

  test('there is nothing to ask where neither is set', () => {
    expect(ask(undefined, undefined)).toEqual([]);
  });
});
