import { availableParallelism } from 'node:os';
import { messageOf } from '@portcullis/shared';
import { leasesMax, startLeases } from '../gate/lease-owner.js';
import type { LeaseOwner } from '../gate/lease-owner.js';
import { Gates, slotsPerGate } from '../gate/gates.js';
import type { GateEvent, GateSettings } from '../gate/messages.js';
import { GroupRotation } from '../kernel/group-rotation.js';
import type { KernelInterface } from '../kernel/permission-group.js';
import type { BackgroundScanner } from '../scan/background-scanner.js';
import type { Watcher } from '../watch/watcher.js';
import { createBackgroundScanner } from './background-scans.js';
import { CleanUps } from './clean-ups.js';
import { createWatcher } from './create-watcher.js';
import type { Detections } from './detections.js';
import type { ProtectionDeps } from './protection-deps.js';
import type { Protection } from './protection.js';
import { keepLookingForMissing } from './retry-missing.js';
import { refuseSelfBlock } from './refuse-self-block.js';

/** Descriptors for everything that is not an event: node's own, sockets, logs, directory walks. */
const RESERVED_FDS = 512;
const RELEASE_MARGIN_MS = 5_000;
/** How long the first word from the daemon is waited for before protection starts without it. */
const FIRST_CONTACT_MS = 2_000;
const DRAIN_LOOK_MS = 50;

interface Parts {
  readonly kernel: KernelInterface;
  readonly gates: Gates;
  readonly heldMax: number;
  readonly leases: LeaseOwner | undefined;
  readonly watcher: Watcher;
  readonly rotation: GroupRotation;
  readonly contact: ReturnType<typeof firstContact>;
}

/**
 * Everything is opened, loaded and connected, and only then is the first mark set.
 *
 * @param group - taken, also on failure
 * @throws whatever keeps it from protecting; nothing of it is left then
 */
export async function protectByFanotify(
  deps: ProtectionDeps,
  { kernel, group }: { readonly kernel: KernelInterface; readonly group: number },
): Promise<Protection> {
  const begun = new CleanUps();
  try {
    const background = createBackgroundScanner(deps, kernel.mode);
    if (background !== undefined) begun.add(() => background.stop());
    const closeInstead = begun.add(() => {
      deps.native.files.close(group);
    });
    const leases = await beginLeases(deps, kernel);
    begun.add(() => leases?.stop());
    const parts = assemble(deps, { kernel, group, background, leases, begun, closeInstead });
    await arm(deps, parts, begun);
    return asProtection(deps, parts, begun);
  } catch (error) {
    await begun.run().catch(() => undefined); // the first failure is the one that counts
    throw error;
  }
}

/** Nothing is marked yet. What is undone after the gates stands before them: whoever waits is answered first. */
function assemble(
  deps: ProtectionDeps,
  own: {
    readonly kernel: KernelInterface;
    readonly group: number;
    readonly background: BackgroundScanner | undefined;
    readonly leases: LeaseOwner | undefined;
    readonly begun: CleanUps;
    /** The rotation closes the group from then on, whichever it is. */
    readonly closeInstead: (step: () => unknown) => void;
  },
): Parts {
  const { configuration, reporter } = deps;
  const { kernel, group, background, leases, begun, closeInstead } = own;
  const contact = firstContact();
  const listeners: ((event: GateEvent) => void)[] = [];
  const { gates, heldMax } = createGates(deps, { kernel, leases }, (event) => {
    reporter.report(event);
    deps.daemon.hear(event);
    contact.hear(event);
    for (const listen of listeners) listen(event);
  });
  let stuck = 0;
  begun.add(async () => {
    stuck = await gates.stop();
    if (stuck > 0) throw new Error(`${stuck} gate threads are stuck in the kernel`);
  });
  const watcher = createWatcher(deps, { target: { group, mask: kernel.markMask }, background });
  const rotation = createRotation(deps, { kernel, group, watcher, gates });
  // A stuck gate still answers in its group when it comes back: the number must not be another file's by then.
  closeInstead(() => (stuck > 0 ? undefined : rotation.close()));
  begun.add(() => {
    rotation.disarm();
  });
  begun.add(() => {
    watcher.stop();
  });
  listeners.push(
    actOn({
      gates,
      detections: deps.detections,
      rotation,
      watcher,
      rotates: configuration.settings.kernelCache,
      onFatal: deps.onFatal,
    }),
  );
  gates.addGroup(group);
  return { kernel, gates, heldMax, leases, watcher, rotation, contact };
}

async function arm(deps: ProtectionDeps, parts: Parts, begun: CleanUps): Promise<void> {
  const { gates, contact, watcher, kernel } = parts;
  await gates.ready();
  await contact.made;
  if (deps.configuration.plan.strategy !== 'directory') await refuseSelfBlock(deps, kernel.mode);
  await watcher.start();
  keepLookingForMissing(watcher, begun, deps.onFatal);
}

function asProtection(deps: ProtectionDeps, parts: Parts, begun: CleanUps): Protection {
  const { kernel, gates, heldMax, leases, watcher, rotation } = parts;
  const waitMaxMs = deps.configuration.config.onAccess.curlTimeoutMs;
  return {
    kernel,
    coverage: () => watcher.coverage(),
    totals: () => gates.totals(),
    facts: () => ({
      queue: { held: gates.held, heldMax },
      gates: { threads: gates.size, stuck: gates.size - gates.freeGates },
      actions: deps.detections.counts,
      ...(leases === undefined
        ? {}
        : { leases: { held: leases.held, heldMax: leases.heldMax, breaks: leases.breaks } }),
      openFilesMax: deps.openFilesMax,
    }),
    async yieldDescriptors() {
      await leases?.stop();
    },
    async drain() {
      watcher.stop();
      rotation.disarm();
      const giveUpAtMs = performance.now() + waitMaxMs;
      while (gates.held > 0 && performance.now() < giveUpAtMs) {
        await new Promise((resolve) => setTimeout(resolve, DRAIN_LOOK_MS));
      }
    },
    stop: () => begun.run(),
  };
}

function createGates(
  deps: ProtectionDeps,
  { kernel, leases }: { readonly kernel: KernelInterface; readonly leases: LeaseOwner | undefined },
  onEvent: (event: GateEvent) => void,
): { readonly gates: Gates; readonly heldMax: number } {
  const { settings } = deps.configuration;
  const { gatesMax } = settings;
  const slots = slotsPerGate(deps.openFilesMax - RESERVED_FDS - (leases?.heldMax ?? 0), gatesMax);
  const gates = new Gates({
    gates: settings.gates,
    gatesMax,
    slotsPerGate: slots,
    settings: { ...gateSettings(deps, kernel), leaseDevices: leases?.devices ?? [] },
    leaseMemory: leases?.memory,
    onEvent,
    onCrash: deps.onFatal,
  });
  return { gates, heldMax: slots * gatesMax };
}

/** Where clean files may be held by leases, so that the kernel need not ask about them. */
async function beginLeases(
  { configuration, native, openFilesMax, reporter }: ProtectionDeps,
  kernel: KernelInterface,
): Promise<LeaseOwner | undefined> {
  const { kernelCache, leaseCache } = configuration.settings;
  return await startLeases(native, {
    enabled: kernelCache && leaseCache && kernel.mode === 'prevention',
    heldMax: leasesMax(openFilesMax),
    onTrouble: (message) => {
      reporter.report({ kind: 'trouble', message });
    },
  });
}

function createRotation(
  { native, configuration, reporter }: ProtectionDeps,
  parts: {
    readonly kernel: KernelInterface;
    readonly group: number;
    readonly watcher: Watcher;
    readonly gates: Gates;
  },
): GroupRotation {
  const { kernel, group, watcher, gates } = parts;
  return new GroupRotation({
    fanotify: native.fanotify,
    files: native.files,
    kernel,
    marker: watcher,
    reader: gates,
    group,
    // No open waits longer, not even one that was taken over from a stuck gate on its last millisecond.
    releaseAfterMs: configuration.config.onAccess.curlTimeoutMs * 3 + RELEASE_MARGIN_MS,
    onTrouble: (error) => {
      reporter.report({ kind: 'trouble', message: `renewing the fanotify group: ${messageOf(error)}` });
    },
  });
}

/** What the main thread does about what the gates tell. */
function actOn(parts: {
  readonly gates: Gates;
  readonly detections: Detections;
  readonly rotation: GroupRotation;
  readonly watcher: Watcher;
  /** Whether verdicts are cached in the kernel. */
  readonly rotates: boolean;
  readonly onFatal: (reason: unknown) => void;
}): (event: GateEvent) => void {
  const { gates, detections, rotation, watcher, rotates, onFatal } = parts;
  const onReturned = (): void => {
    gates.returnHandedOver();
  };
  return (event) => {
    if (event.kind === 'detection') detections.onOpened(event.detection, onReturned);
    else if (event.kind === 'groupReleased') rotation.onReleased(event.group);
    else if (event.kind === 'databaseChanged' && rotates) void rotation.rotate();
    else if (event.kind === 'gatesExhausted') void rotation.setNonBlocking(true);
    else if (event.kind === 'gatesFree') void rotation.setNonBlocking(false);
    else if (event.kind === 'queueOverflow') watcher.resync().catch(onFatal);
  };
}

function gateSettings({ configuration, detections }: ProtectionDeps, kernel: KernelInterface): GateSettings {
  const { config, settings, plan, route } = configuration;
  const isPrevention = kernel.mode === 'prevention';
  const isPartial = plan.strategy !== 'directory';
  return {
    ownPid: process.pid,
    prevention: isPrevention,
    failurePolicy: configuration.failurePolicy,
    excludedUids: configuration.excludedUids,
    maxFileBytes: config.onAccess.maxFileSizeBytes,
    deadlineMs: config.onAccess.curlTimeoutMs,
    cacheEntriesMax: settings.cacheEntries,
    kernelCache: settings.kernelCache && isPrevention,
    endpoint: route.endpoint,
    transfer: route.transfer,
    streamMaxBytes: config.streams.streamMaxBytes,
    scansInFlightMax: configuration.scansInFlightMax,
    commandReadTimeoutMs: config.clocks.commandReadTimeoutMs,
    // With one processor the daemon could not run meanwhile.
    spinMaxMs: availableParallelism() > 1 ? settings.spinMicroseconds / 1_000 : 0,
    stuckAfterMs: settings.stuckAfterMs,
    scope: isPartial
      ? {
          include: plan.scope,
          exclude: plan.exclusions.patterns,
          excludeExactly: plan.exclusions.directories,
        }
      : undefined,
    extraScanning: config.onAccess.extraScanning,
    retryAttempts: config.onAccess.retryAttempts,
    handOverInfected: detections.wantsDescriptors,
    lifeline: isPartial,
  };
}

/** Resolves at the first word about the daemon, good or bad, or when none comes in time. */
function firstContact() {
  let hear: (event: GateEvent) => void = () => undefined;
  const made = new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, FIRST_CONTACT_MS);
    hear = (event) => {
      if (event.kind !== 'daemonUp' && event.kind !== 'daemonDown') return;
      clearTimeout(timer);
      resolve();
    };
  });
  return {
    made,
    hear: (event: GateEvent) => {
      hear(event);
    },
  };
}
