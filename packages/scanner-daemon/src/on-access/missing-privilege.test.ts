import { expect, test } from '@jest/globals';
import { missingPrivilege } from './missing-privilege.js';

const ADMIN = '0000000000200000';
const NONE = '0000000000000000';
const status = (effective: string, ambient: string): string => `CapEff:\t${effective}\nCapAmb:\t${ambient}\n`;

test.each([
  ['root', 0, ADMIN, NONE, undefined],
  ['root in a container', 0, NONE, NONE, /no CAP_SYS_ADMIN/],
  ['a user', 1000, NONE, NONE, /uid 1000/],
  ['a user whose children get nothing of it', 1000, ADMIN, NONE, /uid 1000/],
  ['a user with the ambient capability', 1000, ADMIN, ADMIN, undefined],
] as const)('%s', (...[, euid, effective, ambient, reason]) => {
  const missing = missingPrivilege(euid, status(effective, ambient));
  if (reason === undefined) expect(missing).toBeUndefined();
  else expect(missing).toMatch(reason);
});
