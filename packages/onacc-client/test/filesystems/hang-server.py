"""A FUSE filesystem that hangs: hang-server.py MOUNTPOINT lookup|open|read [SECONDS]

It has one file, whose open(2) or read(2) is never answered; with lookup, no question for any name is.

Speaks the kernel's protocol (linux/fuse.h, fuse(4)) on /dev/fuse itself, so that it needs no library. Prints "mounted".
Ends by itself after SECONDS (60): whatever becomes of the test, nobody hangs for longer, and the mount goes with it.
"""
import ctypes, errno, os, signal, struct, sys

LIBC = ctypes.CDLL(None, use_errno=True)
MNT_DETACH = 2
LOOKUP, FORGET, GETATTR, OPEN, READ, RELEASE, FLUSH, INIT = 1, 2, 3, 14, 15, 18, 25, 26
OPENDIR, READDIR, RELEASEDIR, INTERRUPT, BATCH_FORGET = 27, 28, 29, 36, 42
SIZE, ROOT, FILE, NAME = 100, 1, 2, b"file"
IN_HEADER = struct.Struct("<IIQQIIIHH")


def attributes(node):
    mode = 0o040755 if node == ROOT else 0o100644
    return struct.pack("<QQQQQQIIIIIIIIII", node, SIZE, 1, 0, 0, 0, 0, 0, 0, mode, 1, 0, 0, 0, 4096, 0)


def entry(number, kind, name):
    record = struct.pack("<QQII", number, number, len(name), kind) + name
    return record + b"\0" * (-len(record) % 8)


def answer(opcode, node, body):
    """The reply's payload, an errno as a number, or None for no reply at all."""
    if opcode == INIT:
        major, minor, readahead, _ = struct.unpack_from("<IIII", body)
        return struct.pack("<IIIIHHIIHHI28x", 7, min(minor, 31), readahead, 0, 8, 8, 4096, 1, 1, 0, 0)
    if opcode == LOOKUP and HANGS_IN != LOOKUP:
        if body.rstrip(b"\0") != NAME:
            return errno.ENOENT
        return struct.pack("<QQQQII", FILE, 0, 60, 60, 0, 0) + attributes(FILE)
    if opcode == GETATTR:
        return struct.pack("<QII", 60, 0, 0) + attributes(node)
    if opcode == OPENDIR or (opcode == OPEN and HANGS_IN == READ):
        return struct.pack("<QIi", 1, 0, 0)
    if opcode == READDIR:
        offset = struct.unpack_from("<QQ", body)[1]
        return entry(FILE, 8, NAME) if offset == 0 else b""
    if opcode in (RELEASE, RELEASEDIR, FLUSH):
        return b""
    if opcode in (FORGET, BATCH_FORGET, INTERRUPT, HANGS_IN):
        return None
    return errno.ENOSYS


def serve(device):
    while True:
        try:
            request = os.read(device, 1 << 17)
        except OSError as error:
            if error.errno in (errno.EINTR, errno.ENOENT):
                continue
            return  # ENODEV: unmounted or aborted
        length, opcode, unique, node = IN_HEADER.unpack_from(request)[:4]
        reply = answer(opcode, node, request[IN_HEADER.size : length])
        if reply is None:
            continue
        error, payload = (-reply, b"") if isinstance(reply, int) else (0, reply)
        try:
            os.write(device, struct.pack("<IiQ", 16 + len(payload), error, unique) + payload)
        except OSError:
            pass  # whoever asked is gone


MOUNTPOINT = sys.argv[1]
HANGS_IN = {"lookup": LOOKUP, "open": OPEN, "read": READ}[sys.argv[2]]


def leave(*_):
    LIBC.umount2(MOUNTPOINT.encode(), MNT_DETACH)
    os._exit(0)  # closes the device: the kernel lets everybody go who waits


device = os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC)
options = f"fd={device},rootmode=40000,user_id=0,group_id=0,allow_other".encode()
if LIBC.mount(b"portcullis-test", MOUNTPOINT.encode(), b"fuse.hang", 0, options) != 0:
    sys.exit(f"mount: {os.strerror(ctypes.get_errno())}")
signal.signal(signal.SIGTERM, leave)
signal.signal(signal.SIGALRM, leave)
signal.alarm(int(sys.argv[3]) if len(sys.argv) > 3 else 60)
print("mounted", flush=True)
serve(device)
leave()
