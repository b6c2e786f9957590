import type { Command } from '@portcullis/shared';
import type { PathCommand, PlainCommand } from './command.js';
import { detStats } from './det-stats.js';
import { fildes } from './fildes.js';
import { endSession, idSession } from './id-session.js';
import { instream } from './instream.js';
import { allMatchScan, contScan, multiScan, scan } from './path-scan.js';
import { ping } from './ping.js';
import { reload } from './reload.js';
import { selfCheck } from './self-check.js';
import { shutdown } from './shutdown.js';
import { stats } from './stats.js';
import { version, versionCommands } from './version.js';

type PathVerb = Extract<Command, { path: Buffer }>['verb'];
type PlainVerb = Exclude<Command['verb'], PathVerb>;

/** One row a command on a path. */
export const PATH_COMMANDS: Readonly<Record<PathVerb, PathCommand>> = {
  SCAN: scan,
  CONTSCAN: contScan,
  MULTISCAN: multiScan,
  ALLMATCHSCAN: allMatchScan,
};

/** One row a command without an argument. */
export const PLAIN_COMMANDS: Readonly<Record<PlainVerb, PlainCommand>> = {
  QUIT: shutdown,
  RELOAD: reload,
  SELFCHECK: selfCheck,
  PING: ping,
  VERSIONCOMMANDS: versionCommands,
  VERSION: version,
  END: endSession,
  SHUTDOWN: shutdown,
  FILDES: fildes,
  STATS: stats,
  IDSESSION: idSession,
  INSTREAM: instream,
  DETSTATSCLEAR: detStats,
  DETSTATS: detStats,
};
