import type { BigIntStats } from 'node:fs';
import { join } from 'node:path';

import type { ConfigIssue } from './config-issue.js';
import { readConfigFile } from './read-config-file.js';

/** What is read when no file is named, in the working directory. */
const IMPLICIT_NAME = '.env';

/** The bits of a mode that let somebody else than the owner write. */
const WRITABLE_BY_OTHERS = 0o022n;

/** What the environment holds, and a file of settings may hold. */
export type Environment = Readonly<Record<string, string | undefined>>;

export interface SettingsFileOptions {
  /** From the command line: the operator's choice. Undefined: `.env` of the working directory, if it is there. */
  readonly path: string | undefined;
  /** `SCANNER_` or `ONACC_`: no other variable of the file counts. */
  readonly prefix: string;
  /** dotenv's. */
  readonly parse: (text: string) => Readonly<Record<string, string>>;
  /** Root takes an unnamed file from root alone. */
  readonly isRoot: boolean;
  /** The working directory, if absent. */
  readonly directory?: string;
  /** As for readConfigFile. */
  readonly pipeWaitMs?: number;
}

export interface SettingsFileReading {
  /** The environment, and what the file adds to it: a variable that is set already stays, an empty one too. */
  readonly env: Environment;
  /** Why the file is not used: an error when it was named, else a warning. */
  readonly issue: ConfigIssue | undefined;
  /** It cannot be read again. */
  readonly isPipe: boolean;
}

/**
 * Reads variables of a program from a file. A working directory may be anybody's, and so may its `.env`: it never stops
 * or holds up a program, and root's programs use it only if root owns it, nobody else can write to it, and it is no
 * symbolic link.
 */
export function addEnvironmentFile(env: Environment, options: SettingsFileOptions): SettingsFileReading {
  const { path, prefix, parse } = options;
  const reading = path === undefined ? readImplicit(options) : readConfigFile(path, options);
  switch (reading.kind) {
    case 'read': {
      const inFile = Object.entries(parse(reading.bytes.toString('utf8')));
      const ours = inFile.filter(([name]) => name.startsWith(prefix));
      return { env: { ...Object.fromEntries(ours), ...env }, issue: undefined, isPipe: reading.isPipe };
    }
    case 'missing':
      return unused(env, path === undefined ? undefined : issueOf(path, 'it is not there'));
    case 'unreadable':
    case 'refused':
      return unused(env, issueOf(path, reading.reason));
  }
}

function readImplicit({ isRoot, directory = '', ...options }: SettingsFileOptions) {
  const path = join(directory, IMPLICIT_NAME);
  const objection = (status: BigIntStats): string | undefined => {
    if (!status.isFile()) return 'it is a pipe';
    return isRoot ? rootsObjection(status) : undefined;
  };
  return readConfigFile(path, { ...options, followSymlinks: !isRoot, objection });
}

function rootsObjection({ uid, mode }: BigIntStats): string | undefined {
  if (uid !== 0n) return `it belongs to uid ${uid}, and root takes settings from root alone`;
  return (mode & WRITABLE_BY_OTHERS) === 0n ? undefined : 'others than root can write to it';
}

function unused(env: Environment, issue: ConfigIssue | undefined): SettingsFileReading {
  return { env, issue, isPipe: false };
}

function issueOf(path: string | undefined, reason: string): ConfigIssue {
  return path === undefined
    ? {
        severity: 'warning',
        origin: 'portcullis',
        message: `${IMPLICIT_NAME} of the working directory is not used: ${reason}`,
      }
    : {
        severity: 'error',
        origin: 'portcullis',
        message: `Can't read the environment file ${path}: ${reason}`,
      };
}
