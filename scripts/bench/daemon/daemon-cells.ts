/** How the daemon is spoken to in one cell of the table. */
export interface LoadCell {
  /** The measurement's key; its CPU figures are kept under `<key>.cpu` and `<key>.generator`. */
  readonly key: string;
  readonly label: string;
  readonly unit: 'requests/s' | 'MB/s';
  readonly command: 'INSTREAM' | 'FILDES';
  readonly address: 'unix' | 'tcp';
  /** A new connection a request, or one IDSESSION a client with a request at a time. */
  readonly framing: 'connection' | 'session';
  readonly clients: number;
  readonly sizeBytes: number;
}

/** Which PING latencies are taken, in print order. */
export const pingCells = [
  { key: 'daemon.ping.idle', label: 'PING, idle daemon' },
  { key: 'daemon.ping.scans', label: 'PING while 16 clients scan' },
  { key: 'daemon.ping.reload', label: 'PING during reloads' },
] as const;

export const smallBytes = 4096;
export const largeBytes = 20_000_000;
const clientCounts = [1, 16] as const;
/** FILDES needs a Unix socket. */
const ways = [
  { command: 'INSTREAM', address: 'unix', name: 'INSTREAM Unix' },
  { command: 'INSTREAM', address: 'tcp', name: 'INSTREAM TCP' },
  { command: 'FILDES', address: 'unix', name: 'FILDES Unix' },
] as const;

/** All loads in the order they are run and printed: small inputs first, so that the large ones meet a warm daemon. */
export const loadCells: readonly LoadCell[] = [
  ...ways.flatMap((way) =>
    clientCounts.flatMap((clients) =>
      (['connection', 'session'] as const).map((framing) => smallCell(way, clients, framing)),
    ),
  ),
  ...ways.flatMap((way) => clientCounts.map((clients) => largeCell(way, clients))),
];

function smallCell(way: (typeof ways)[number], clients: number, framing: LoadCell['framing']): LoadCell {
  const { command, address, name } = way;
  return {
    key: `daemon.small.${command}.${address}.${clients}.${framing}`,
    label: `4 KiB ${name}, ${plural(clients)}${framing === 'session' ? ', session' : ''}`,
    unit: 'requests/s',
    command,
    address,
    framing,
    clients,
    sizeBytes: smallBytes,
  };
}

function largeCell(way: (typeof ways)[number], clients: number): LoadCell {
  const { command, address, name } = way;
  return {
    key: `daemon.large.${command}.${address}.${clients}`,
    label: `20 MB ${name}, ${plural(clients)}`,
    unit: 'MB/s',
    command,
    address,
    framing: 'connection',
    clients,
    sizeBytes: largeBytes,
  };
}

function plural(clients: number): string {
  return clients === 1 ? '1 client' : `${clients} clients`;
}
