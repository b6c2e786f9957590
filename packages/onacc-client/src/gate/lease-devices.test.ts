import { describe, expect, test } from '@jest/globals';
import { FakeNative } from '@portcullis/shared/testing';
import { lastingMounts, readLeaseDevices } from './lease-devices.js';

const MOUNTINFO = `
21 1 8:1 / / rw - ext4 /dev/sda1 rw
22 21 0:5 / /proc rw - proc proc rw
23 21 8:2 / /home rw - xfs /dev/sda2 rw
24 21 0:40 /@data /srv/my\\040data rw - btrfs /dev/sdb1 rw
25 21 8:17 / /media/stick rw - ext4 /dev/sdc1 rw
26 21 0:50 / /net rw - nfs4 server:/x rw
27 21 8:33 / /backup rw - ext4 /dev/sdd1 rw
28 21 8:34 / /scratch rw - ext4 /dev/sde1 rw
29 28 8:35 / /scratch rw - tmpfs tmpfs rw
`;
const FSTAB = `
# <file system> <mount point> <type> <options> <dump> <pass>
UUID=1 / ext4 errors=remount-ro 0 1
UUID=2\t/home/\txfs\tdefaults,nofail\t0\t2
LABEL=data /srv/my\\040data btrfs subvol=@data 0 0
/dev/sdc1 /media/stick auto rw,users 0 0
server:/x /net nfs4 defaults 0 0
/dev/sdd1 /backup ext4 noauto 0 0
/dev/sde1 /scratch ext4 defaults 0 0
/dev/sdf1 none swap sw 0 0
/dev/sdg1 /absent ext4
`;

describe('lastingMounts', () => {
  const devices = (mountinfo: string, fstab: string): string[] =>
    lastingMounts(mountinfo, fstab).map(({ device }) => device);

  test('the root and what fstab mounts for good, of types with leases, as long as nothing covers it', () => {
    expect(devices(MOUNTINFO, FSTAB)).toEqual(['8:1', '8:2', '0:40']);
  });

  test('without an fstab the root alone, and nothing where that is an overlay or there is no table', () => {
    expect(devices(MOUNTINFO, '')).toEqual(['8:1']);
    expect(devices('21 1 0:30 / / rw - overlay overlay rw', '')).toEqual([]);
    expect(devices('', FSTAB)).toEqual([]);
  });
});

describe('readLeaseDevices', () => {
  test('a device is told only where statx(2) tells the same of its files', async () => {
    // The fake disk is 253:0, which no root of this machine is.
    const { files } = new FakeNative();
    expect((await readLeaseDevices(files)).filter((device) => device !== '253:0')).toEqual([]);
  });
});
