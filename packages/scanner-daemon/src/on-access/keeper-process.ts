import { env } from 'node:process';
import { keepClient } from './keep-client.js';
import type { KeeperRequest } from './keeper-request.js';

// An entry of its own, as main.ts is: the client gets the environment that the daemon was started with.
// A daemon that is gone reads nothing any more; the lifeline tells us so.
process.stdout.on('error', () => undefined);
// The daemon's own JSON: on-access-client.ts, of the same version.
keepClient(JSON.parse(process.argv[2] ?? '') as KeeperRequest, env);
