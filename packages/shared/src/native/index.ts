// The door of the native fence (README.md beside this file).
export * as constants from './constants.js';
export { emptyFileStatus } from './files.js';
export { WOULD_BLOCK } from './native-api.js';
export type {
  FanotifyApi,
  FileApi,
  FileHandle,
  FileStatus,
  InotifyApi,
  LeaseApi,
  LeaseProbe,
  LimitApi,
  NativeApi,
  PatternApi,
  PeerCredentials,
  Poller,
  PollHandle,
  PosixPattern,
  ReadyEvents,
  ReceivedMessage,
  ReceivedSignal,
  SignalApi,
  SocketDescription,
  SocketApi,
  TcpAddress,
  TcpKeepAlive,
} from './native-api.js';
export { errnoName, isErrno, NativeError } from './native-error.js';
export { openNative } from './open-native.js';
export { OwnedFd } from './owned-fd.js';
export { decodePath, encodePath } from './path-bytes.js';
export { PatternError } from './pattern-syntax.js';
