// Values and the uapi header they come from. They are the same on x86-64 and arm64, but for O_LARGEFILE.

// linux/fanotify.h: fanotify_init(2) flags
export const FAN_CLOEXEC = 0x1;
export const FAN_NONBLOCK = 0x2;
export const FAN_CLASS_NOTIF = 0x0;
export const FAN_CLASS_CONTENT = 0x4;
export const FAN_UNLIMITED_QUEUE = 0x10;
export const FAN_UNLIMITED_MARKS = 0x20;
export const FAN_REPORT_FD_ERROR = 0x2000;
/** FAN_REPORT_DIR_FID | FAN_REPORT_NAME. */
export const FAN_REPORT_DFID_NAME = 0x400 | 0x800;

// linux/fanotify.h: fanotify_mark(2) flags
export const FAN_MARK_ADD = 0x1;
export const FAN_MARK_REMOVE = 0x2;
export const FAN_MARK_DONT_FOLLOW = 0x4;
export const FAN_MARK_ONLYDIR = 0x8;
export const FAN_MARK_MOUNT = 0x10;
export const FAN_MARK_IGNORED_MASK = 0x20;
export const FAN_MARK_FLUSH = 0x80;
/** Linux 4.20. */
export const FAN_MARK_FILESYSTEM = 0x100;
export const FAN_MARK_EVICTABLE = 0x200;

// linux/fanotify.h: event masks
export const FAN_OPEN = 0x20;
export const FAN_ATTRIB = 0x4;
export const FAN_CLOSE_WRITE = 0x8;
export const FAN_MOVED_FROM = 0x40;
export const FAN_MOVED_TO = 0x80;
export const FAN_CREATE = 0x100;
export const FAN_DELETE = 0x200;
export const FAN_DELETE_SELF = 0x400;
export const FAN_MOVE_SELF = 0x800;
export const FAN_Q_OVERFLOW = 0x4000;
export const FAN_OPEN_PERM = 0x10000;
export const FAN_OPEN_EXEC_PERM = 0x40000;
export const FAN_EVENT_ON_CHILD = 0x08000000;
export const FAN_ONDIR = 0x40000000;

// linux/fanotify.h: records and answers
export const FANOTIFY_METADATA_VERSION = 3;
export const FAN_EVENT_METADATA_LEN = 24;
export const FAN_EVENT_INFO_TYPE_DFID_NAME = 2;
export const FAN_ALLOW = 1;
export const FAN_DENY = 2;
export const FAN_NOFD = -1;

// asm-generic/fcntl.h
export const O_RDONLY = 0;
/** asm/fcntl.h: arm64 has O_NOFOLLOW where x86-64 has this one. */
export const O_LARGEFILE = process.arch === 'arm64' ? 0o400000 : 0o100000;
export const O_NOATIME = 0o1000000;
export const O_CLOEXEC = 0o2000000;

// linux/stat.h
export const S_IFMT = 0o170000;
export const S_IFREG = 0o100000;
export const S_IFDIR = 0o040000;

// linux/inotify.h (inotify(7)): what to watch for, and what is told
export const IN_MODIFY = 0x2;
export const IN_ATTRIB = 0x4;
export const IN_CLOSE_WRITE = 0x8;
export const IN_CLOSE_NOWRITE = 0x10;
export const IN_OPEN = 0x20;
export const IN_MOVED_FROM = 0x40;
export const IN_MOVED_TO = 0x80;
export const IN_CREATE = 0x100;
export const IN_DELETE = 0x200;
export const IN_DELETE_SELF = 0x400;
export const IN_MOVE_SELF = 0x800;
export const IN_UNMOUNT = 0x2000;
export const IN_Q_OVERFLOW = 0x4000;
export const IN_IGNORED = 0x8000;
export const IN_ONLYDIR = 0x01000000;
export const IN_DONT_FOLLOW = 0x02000000;
export const IN_EXCL_UNLINK = 0x04000000;
export const IN_ISDIR = 0x40000000;

// asm-generic/signal.h, signal(7)
export const SIGIO = 29;
/** The first real-time signal that the C library leaves to programs. */
export const SIGRTMIN = 34;
