import { closeSync } from 'node:fs';
import { workerData } from 'node:worker_threads';
import { messageOf } from '@portcullis/shared';
import { isErrno, openNative, type ReceivedMessage, type SocketApi } from '@portcullis/shared/native';
import { openScanCalls } from '../engine/libclamav/binding.js';
import type { LibclamavSettings } from '../engine/libclamav/engine-settings.js';
import { stepBehindMainThread } from '../process/priorities.js';
import { createLaneScan, type LaneScan } from './lane-scan.js';
import { decodeRequest, encodeReply, LANE_READY, type LaneReply } from './lane-wire.js';
import { EngineTable, FoundNames } from './shared-words.js';

/** `workerData` of a scan thread. */
export interface LaneStartup {
  /** As the host found it. */
  readonly libraryName: string;
  /** Blocking; this thread's alone. The host closes it. */
  readonly socketFd: number;
  readonly engines: SharedArrayBuffer;
  readonly names: SharedArrayBuffer;
  /** The number by which libclamav's callback tells this thread's scans from others'. */
  readonly context: number;
  /** The nice value that scan threads stay behind (docs/decisions/0010). */
  readonly mainNice: number;
  readonly settings: LibclamavSettings;
  readonly followFileSymlinks: boolean;
  readonly sampleDetections: boolean;
}

/**
 * Serves one socket until its other end is gone: waits in recvmsg(2), scans, answers. No event loop is in between, so a
 * request costs one wake-up here.
 */
export function serveLane(): void {
  // The only one who starts this thread is our own host.
  const startup = workerData as LaneStartup;
  stepBehindMainThread('scan', startup.mainNice);
  const names = new FoundNames(startup.names);
  const engines = new EngineTable(startup.engines);
  // Before the native calls: the stacks of this thread are set with it.
  const calls = openScanCalls(startup.libraryName);
  const { sockets, files } = openNative();
  const scan = createLaneScan({
    ...startup,
    calls,
    files,
    engineOf: (generation) => engines.engineOf(generation),
    takeNames: () => names.take(),
  });
  sockets.send(startup.socketFd, encodeReply(LANE_READY));
  for (;;) {
    const message = receive(sockets, startup.socketFd);
    if (message === undefined) continue; // Interrupted by a signal.
    if (message.bytes.byteLength === 0) return;
    const reply = answer(scan, message.bytes, message.fds);
    for (const fd of message.fds) closeSync(fd);
    try {
      sockets.send(startup.socketFd, encodeReply(reply));
    } catch {
      return; // The daemon is gone.
    }
  }
}

/** The daemon is gone, too, where it left an answer unread. */
function receive(sockets: SocketApi, fd: number): ReceivedMessage | undefined {
  try {
    return sockets.receive(fd);
  } catch (error) {
    if (isErrno(error, 'ECONNRESET')) return { bytes: Buffer.alloc(0), fds: [] };
    throw error;
  }
}

function answer(scan: LaneScan, packet: Buffer, fds: readonly number[]): LaneReply {
  const request = decodeRequest(packet);
  try {
    return { jobId: request.jobId, verdict: scan(request, fds[0]) };
  } catch (error) {
    return { jobId: request.jobId, verdict: { kind: 'failed', message: messageOf(error) } };
  }
}
