// The load generator: one process, all clients. Prints a line when the measured part begins, then a LoadReport.
import { closeSync, openSync, unlinkSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { openNative } from '@portcullis/shared/native';
import { createContentSource } from '../file-content.js';
import { readyLine } from '../openers/barrier.js';
import type { Connect } from './daemon-connection.js';
import { LoadClient } from './load-client.js';
import type { SendRequest } from './load-client.js';
import type { ClientGroup, LoadPlan, LoadReport } from './load-plan.js';
import { frameInstream, makeContent, stampBytes, stampRequest } from './request-content.js';
import { createTcpConnect } from './tcp-connection.js';
import { createUnixConnect } from './unix-connection.js';

/** Contents a client takes turns with; each is stamped anew for every request. */
const smallContents = 12;

async function main(plan: LoadPlan): Promise<void> {
  const { address, groups, warmUpMs, durationMs } = plan;
  const connect: Connect =
    address.kind === 'unix' ? createUnixConnect(openNative(), address.path) : createTcpConnect(address.port);
  const clients: { readonly client: LoadClient; readonly sizeBytes: number; readonly requests: Requests }[] =
    [];
  const contentOf = createContents(plan.seed);
  for (const group of groups) {
    for (let index = 0; index < group.clients; index += 1) {
      const requests = createRequests(plan, group, { clientIndex: clients.length, contentOf });
      const client = new LoadClient(connect, group, requests.send);
      clients.push({ client, sizeBytes: group.sizeBytes, requests });
    }
  }
  const runAll = (forMs: number) => {
    const deadlineAtMs = performance.now() + forMs;
    return Promise.all(clients.map(({ client }) => client.run(deadlineAtMs)));
  };
  if (warmUpMs > 0) await runAll(warmUpMs);
  const before = clients.map(({ client }) => client.requests);
  writeSync(1, readyLine);
  const startedAtMs = performance.now();
  const cpuBefore = process.cpuUsage();
  await runAll(durationMs);
  const elapsedMs = performance.now() - startedAtMs;
  const { user, system } = process.cpuUsage(cpuBefore);
  let answered = 0;
  let bytes = 0;
  for (const [index, { client, sizeBytes, requests }] of clients.entries()) {
    const done = client.requests - (before[index] ?? 0);
    answered += done;
    bytes += done * sizeBytes;
    client.close();
    requests.close();
  }
  const report: LoadReport = { requests: answered, bytes, elapsedMs, cpuMs: (user + system) / 1000 };
  writeSync(1, JSON.stringify(report));
}

/** The requests of one client and what they hold open. */
interface Requests {
  readonly send: SendRequest;
  readonly close: () => void;
}

function createRequests(
  plan: LoadPlan,
  group: ClientGroup,
  { clientIndex, contentOf }: { readonly clientIndex: number; readonly contentOf: ContentOf },
): Requests {
  const contentCount = group.sizeBytes > 65_536 ? 1 : smallContents;
  const contents = Array.from({ length: contentCount }, (_, index) => contentOf(index, group.sizeBytes));
  const stampOf = (count: number) => `request ${count} of client ${clientIndex}, run ${plan.seed}`;
  return group.command === 'INSTREAM'
    ? createStreams(contents, stampOf)
    : createFiles(contents, stampOf, join(plan.directory, `client-${clientIndex}`));
}

function createStreams(contents: readonly Prepared[], stampOf: (count: number) => string): Requests {
  const frames = contents.map(({ frame }) => ({ ...frame, head: Buffer.from(frame.head) }));
  let count = 0;
  return {
    send(connection) {
      const frame = frames[count % frames.length];
      if (frame === undefined) return;
      stampRequest(frame.head, frame.stampOffset, stampOf(count));
      count += 1;
      connection.send(frame.tail === undefined ? [frame.head] : [frame.head, frame.tail]);
    },
    close: () => undefined,
  };
}

/** Files that have no name any more and are written to before each request: opening them anew would cost both sides the same. */
function createFiles(
  contents: readonly Prepared[],
  stampOf: (count: number) => string,
  pathPrefix: string,
): Requests {
  const files = contents.map(({ content }, index) => {
    const path = `${pathPrefix}-${index}`;
    const fd = openSync(path, 'wx+', 0o644);
    unlinkSync(path);
    for (let written = 0; written < content.length;) written += writeSync(fd, content, written);
    return fd;
  });
  const stamp = Buffer.alloc(stampBytes);
  let count = 0;
  return {
    send(connection) {
      const fd = files[count % files.length];
      if (fd === undefined) return;
      stampRequest(stamp, 0, stampOf(count));
      count += 1;
      writeSync(fd, stamp, 0, stamp.length, 0);
      connection.passFd(fd);
    },
    close() {
      for (const fd of files) closeSync(fd);
    },
  };
}

interface Prepared {
  readonly content: Buffer;
  readonly frame: ReturnType<typeof frameInstream>;
}

/** Contents by index and size; each is made once for all clients, which share everything but the stamped part. */
type ContentOf = (index: number, sizeBytes: number) => Prepared;

function createContents(seed: number): ContentOf {
  const source = createContentSource(seed);
  const prepared = new Map<string, Prepared>();
  return (index, sizeBytes) => {
    const key = `${index}/${sizeBytes}`;
    const known = prepared.get(key);
    if (known !== undefined) return known;
    const content = makeContent(source, index, sizeBytes);
    const made = { content, frame: frameInstream(content) };
    prepared.set(key, made);
    return made;
  };
}

// The benchmark itself is the only one that starts this program.
const plan = JSON.parse(process.argv[2] ?? '') as LoadPlan;
await main(plan);
process.exit(0);
