import { expect, test } from '@jest/globals';
import { describeEndpoint, resolveEndpoint } from './endpoint.js';
import type { ListenOptions } from './endpoint.js';

const NAMES = new Map([
  ['scan.example', ['192.0.2.1', '2001:db8::1']],
  ['again.example', ['192.0.2.1']],
  ['here.example', ['127.0.1.1']],
]);

async function lookUp(name: string): Promise<readonly string[]> {
  const found = NAMES.get(name);
  if (found === undefined) throw new Error(`getaddrinfo ENOTFOUND ${name}`);
  return Promise.resolve(found);
}

function listen(changes: Partial<ListenOptions>): ListenOptions {
  return { localSocketPath: undefined, tcpPort: 3310, tcpAddresses: [], ...changes };
}

test('resolveEndpoint: LocalSocket goes before TCP, and takes descriptors unless a stream is asked for', async () => {
  const both = listen({ localSocketPath: '/run/clamd.sock', tcpAddresses: ['scan.example'] });
  const endpoint = { kind: 'unix', path: '/run/clamd.sock' };
  await expect(resolveEndpoint(both, false, lookUp)).resolves.toEqual({
    endpoint,
    transfer: 'descriptor',
    warnings: [],
  });
  await expect(resolveEndpoint(both, true, lookUp)).resolves.toMatchObject({ endpoint, transfer: 'stream' });
});

test('resolveEndpoint: names become addresses, each once and in order', async () => {
  const tcpAddresses = ['198.51.100.7', 'scan.example', 'again.example', 'fe80::1%eth0'];
  const route = await resolveEndpoint(listen({ tcpAddresses }), false, lookUp);
  expect(route).toMatchObject({ transfer: 'stream', warnings: [] });
  expect(describeEndpoint(route.endpoint)).toBe(
    '198.51.100.7:3310, 192.0.2.1:3310, [2001:db8::1]:3310, [fe80::1%eth0]:3310',
  );
});

test('resolveEndpoint: a name that is not found is a warning, unless it is the last one', async () => {
  const some = await resolveEndpoint(listen({ tcpAddresses: ['no.example', 'scan.example'] }), false, lookUp);
  expect(some.warnings).toEqual([
    'WARNING: ClamClient: Could not resolve TCPAddr no.example: getaddrinfo ENOTFOUND no.example',
  ]);
  await expect(
    resolveEndpoint(listen({ tcpAddresses: ['no.example'] }), false, lookUp),
  ).rejects.toMatchObject({
    code: 'NO_DAEMON_ADDRESS',
    lines: ['ERROR: ClamClient: Could not resolve TCPAddr no.example: getaddrinfo ENOTFOUND no.example'],
  });
});

test.each([[['127.0.0.1']], [['::1']], [['here.example']]])(
  'resolveEndpoint: a daemon on this machine (%j) cannot be told by its process, which is said',
  async (tcpAddresses) => {
    const { warnings } = await resolveEndpoint(listen({ tcpAddresses }), false, lookUp);
    expect(warnings).toEqual([expect.stringContaining('OnAccessExcludeUname')]);
  },
);

test.each([[[]], [['any']], [['scan.example', 'any']], [['0.0.0.0']], [['']]])(
  'resolveEndpoint: TCPAddr %j is no address to connect to, in clamonacc’s words',
  async (tcpAddresses) => {
    await expect(resolveEndpoint(listen({ tcpAddresses }), false, lookUp)).rejects.toMatchObject({
      lines: [
        // The tabs are clamonacc 1.4.6's own.
        'ERROR: ClamClient: Clamonacc does not support binding to INADDR_ANY, \t\t\t\t\tplease specify an address with TCPAddr in your clamd.conf config file',
      ],
    });
  },
);

test.each([undefined, 0, 70_000])('resolveEndpoint: TCPSocket %p is no port', async (tcpPort) => {
  const options = listen({ tcpAddresses: ['192.0.2.1'], tcpPort });
  await expect(resolveEndpoint(options, false, lookUp)).rejects.toMatchObject({ code: 'NO_DAEMON_ADDRESS' });
});
