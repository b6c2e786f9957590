import { emptyFileStatus } from '@portcullis/shared/native';
import type { FileStatus, NativeApi } from '@portcullis/shared/native';
import {
  CACHED,
  DAEMON_PROCESS,
  EXCLUDED_USER,
  failed,
  OUTSIDE_SCOPE,
  OWN_PROCESS,
  skipped,
} from '../policy/decide.js';
import type { Outcome, SkipReason } from '../policy/decide.js';
import { createPathScope } from '../policy/path-scope.js';
import { screenObject } from '../policy/screen.js';
import { compileExcludedPaths } from '../watch/excluded-paths.js';
import type { ArrivedEvent } from './flights.js';
import type { GateSettings } from './messages.js';
import type { OpenerFacts } from './opener-facts.js';
import type { OwnMounts } from './own-mounts.js';
import type { VerdictKeeper } from './verdict-keeper.js';

export interface ArrivalScreenDeps {
  readonly native: Pick<NativeApi, 'files' | 'patterns'>;
  readonly settings: GateSettings;
  readonly facts: OpenerFacts;
  readonly keeper: VerdictKeeper;
  readonly ownMounts: Pick<OwnMounts, 'has'>;
  readonly duty: { isDaemon(pid: number): boolean };
  readonly daemonChildren: { has(pid: number): boolean };
}

/** What can be said of an event without a scan, the cheapest question first. */
export class ArrivalScreen {
  /** Of the file that was last asked about; overwritten by the next one. */
  readonly status: FileStatus = emptyFileStatus();
  readonly #deps: ArrivalScreenDeps;
  readonly #isInScope: ((path: string) => boolean) | undefined;

  /** @throws ExcludedPathsError for a pattern that does not compile */
  constructor(deps: ArrivalScreenDeps) {
    this.#deps = deps;
    this.#isInScope = scopeOf(deps);
  }

  /**
   * own process, daemon → object → place → user → size → cache → child of the daemon. Borrows the fd.
   *
   * @returns the outcome where no scan is needed
   * @throws NativeError when the file cannot be asked about
   */
  judge(event: ArrivedEvent): Outcome | undefined {
    const { settings, duty, native, facts, keeper, daemonChildren } = this.#deps;
    if (event.pid === settings.ownPid) return OWN_PROCESS;
    if (duty.isDaemon(event.pid)) return DAEMON_PROCESS;
    native.files.status(event.fd, this.status);
    const screening = screenObject(this.status, settings.maxFileBytes);
    if (screening.kind === 'skip' && !this.#isUnbelievable(screening.reason, event.fd)) {
      return skipped(screening.reason);
    }
    if (this.#isOutsideScope(event.fd)) return OUTSIDE_SCOPE;
    if (settings.excludedUids.length > 0 && facts.runsAs(event.pid, settings.excludedUids))
      return EXCLUDED_USER;
    if (screening.kind !== 'fail' && keeper.knowsClean(this.status, event.fd)) return CACHED;
    // Last, since it is the dearest question: who opens what was not scanned has time.
    if (daemonChildren.has(event.pid)) return DAEMON_PROCESS;
    return screening.kind === 'fail' ? failed(screening.cause) : undefined;
  }

  /** A FUSE server says what it likes, and serves what it likes to who reads. */
  #isUnbelievable(reason: SkipReason, fd: number): boolean {
    return reason === 'empty' && !this.#deps.keeper.believesSize(this.status, fd);
  }

  /** By its path, where that is a path of ours: in somebody else's mount namespace it is what he calls it. */
  #isOutsideScope(fd: number): boolean {
    const { facts, ownMounts } = this.#deps;
    if (this.#isInScope === undefined || this.#isInScope(facts.path(fd))) return false;
    return ownMounts.has(this.status.mountId, fd);
  }
}

function scopeOf({ native, settings }: ArrivalScreenDeps): ((path: string) => boolean) | undefined {
  const { scope } = settings;
  if (scope === undefined) return undefined;
  const isExcluded = compileExcludedPaths(scope.exclude, native.patterns, {
    exactPaths: scope.excludeExactly ?? [],
    includePaths: scope.include,
  });
  return createPathScope({ include: scope.include, isExcluded });
}
