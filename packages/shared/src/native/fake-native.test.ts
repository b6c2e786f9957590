import { nativeContract } from '../testing/native-contract.js';
import { fanotifyContract } from '../testing/fanotify-contract.js';
import { FakeNative } from './fake-native.js';

nativeContract('FakeNative', () => {
  const fake = new FakeNative();
  fake.disk.makeDirectory('/tmp/contract');
  return {
    native: fake,
    directory: '/tmp/contract',
    identity: fake.identity,
    writeFile: (path, content) => {
      fake.disk.writeFile(path, content);
    },
    symlink: (target, path) => {
      fake.disk.symlink(target, path);
    },
    openFile: (path, access) => fake.openFile(path, access),
    countOpenFds: () => fake.openFdCount,
    dispose: () => undefined,
  };
});

fanotifyContract('FakeNative', () => {
  const fake = new FakeNative();
  fake.disk.makeDirectory('/tmp/contract');
  return {
    native: fake,
    directory: '/tmp/contract',
    writeFile: (path, content) => {
      fake.disk.writeFile(path, content);
    },
    open: (path, options) => fake.opener.open(path, options),
    dispose: () => Promise.resolve(),
  };
});
