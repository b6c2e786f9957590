/** What a service manager told this process in its environment, as text (sd_listen_fds(3), sd_notify(3), sd_watchdog_enabled(3)). */
export interface ServiceEnvironment {
  readonly listenPid: string | undefined;
  readonly listenFds: string | undefined;
  readonly listenFdNames: string | undefined;
  readonly notifySocket: string | undefined;
  /** Microseconds. */
  readonly watchdogUsec: string | undefined;
  readonly watchdogPid: string | undefined;
}

/** Handed to the first process of a service, and meant for nobody else. LISTEN_PIDFDID: systemd 258. */
const VARIABLES = [
  'LISTEN_PID',
  'LISTEN_PIDFDID',
  'LISTEN_FDS',
  'LISTEN_FDNAMES',
  'NOTIFY_SOCKET',
  'WATCHDOG_USEC',
  'WATCHDOG_PID',
] as const;

/**
 * Takes the service manager's variables out of an environment. They are deleted from the record: given `process.env`,
 * no child and no worker thread that is started afterwards inherits them. So call it before the first of either.
 */
export function takeServiceEnvironment(env: Record<string, string | undefined>): ServiceEnvironment {
  const taken: ServiceEnvironment = {
    listenPid: env['LISTEN_PID'],
    listenFds: env['LISTEN_FDS'],
    listenFdNames: env['LISTEN_FDNAMES'],
    notifySocket: env['NOTIFY_SOCKET'],
    watchdogUsec: env['WATCHDOG_USEC'],
    watchdogPid: env['WATCHDOG_PID'],
  };
  for (const name of VARIABLES) Reflect.deleteProperty(env, name);
  return Object.freeze(taken);
}
