# Hands the daemon every odd descriptor, and several at once; prints what it answered as JSON.
import json
import os
import select
import socket
import sys

daemon, directory, infected = sys.argv[1:4]


def opened(kind):
    if kind == 'regular':
        return os.open(infected, os.O_RDONLY)
    if kind == 'directory':
        return os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    if kind == 'socket':
        return socket.socket(socket.AF_INET, socket.SOCK_STREAM).detach()
    if kind == 'pairedSocket':
        ends = socket.socketpair()
        keep.append(ends[1])
        return ends[0].detach()
    if kind == 'fifo':
        path = directory + '/hostile-fifo'
        if not os.path.exists(path):
            os.mkfifo(path)
        return os.open(path, os.O_RDWR)
    if kind == 'pipe':
        ends = os.pipe()
        keep.append(os.fdopen(ends[1], 'wb', 0))
        return ends[0]
    if kind == 'zeroDevice':
        return os.open('/dev/zero', os.O_RDONLY)
    if kind == 'proc':
        return os.open('/proc/self/status', os.O_RDONLY)
    if kind == 'procMemory':
        return os.open('/proc/self/mem', os.O_RDONLY)
    if kind == 'sys':
        return os.open('/sys/kernel/uevent_seqnum', os.O_RDONLY)
    if kind == 'epoll':
        keep.append(select.epoll())
        return os.dup(keep[-1].fileno())
    if kind == 'event':
        return os.eventfd(0)
    if kind == 'pidfd':
        return os.pidfd_open(os.getpid())
    if kind == 'memfd':
        fd = os.memfd_create('hostile')
        os.write(fd, open(infected, 'rb').read())
        return fd
    if kind == 'hugeMemfd':
        fd = os.memfd_create('huge')
        os.ftruncate(fd, 1 << 40)
        return fd
    if kind == 'pathOnly':
        return os.open(infected, os.O_PATH)
    if kind == 'pathOnlyLink':
        path = directory + '/hostile-link'
        if not os.path.lexists(path):
            os.symlink(infected, path)
        return os.open(path, os.O_PATH | os.O_NOFOLLOW)
    if kind == 'writeOnly':
        return os.open(infected, os.O_WRONLY)
    if kind == 'deleted':
        path = directory + '/hostile-deleted'
        with open(path, 'wb') as file:
            file.write(open(infected, 'rb').read())
        fd = os.open(path, os.O_RDONLY)
        os.unlink(path)
        return fd
    if kind == 'itself':
        return os.dup(talk.fileno())
    raise ValueError(kind)


def heard(connection):
    reply = b''
    while True:
        try:
            part = connection.recv(65536)
        except ConnectionError:
            return reply.decode('latin1') + '<reset>'
        if not part:
            return reply.decode('latin1')
        reply += part


def connected():
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(30)
    connection.connect(daemon)
    return connection


keep = []
answers = {}
for kind in ['regular', 'directory', 'socket', 'pairedSocket', 'fifo', 'pipe', 'zeroDevice', 'proc', 'procMemory',
             'sys', 'epoll', 'event', 'pidfd', 'memfd', 'hugeMemfd', 'pathOnly', 'pathOnlyLink', 'writeOnly',
             'deleted', 'itself']:
    talk = connected()
    try:
        fd = opened(kind)
    except OSError as error:
        answers[kind] = 'cannot be made here: ' + str(error)
        continue
    socket.send_fds(talk, [b'zFILDES\0\0'], [fd])
    os.close(fd)
    answers[kind] = heard(talk)
    talk.close()

regular = opened('regular')
messages = {
    'twoAtOnce': [(b'zFILDES\0\0', 2)],
    'threeAtOnce': [(b'zFILDES\0\0', 3)],
    'manyAtOnce': [(b'zFILDES\0\0', 250)],
    'withTheCommand': [(b'zFILDES\0', 1), (b'\0', 0)],
    'withHalfACommand': [(b'zFIL', 1), (b'DES\0\0', 1)],
    'withPing': [(b'zPING\0', 1)],
    'withIdsession': [(b'zIDSESSION\0', 1)],
    'inTheUpload': [(b'zINSTREAM\0', 0), (b'\0\0\0\4ab', 1), (b'cd\0\0\0\0', 1)],
    'withoutAny': [(b'zFILDES\0\0', 0)],
    'behindTheAnswer': [(b'zFILDES\0\0', 1), (b'zFILDES\0\0', 1)],
    'inASession': [(b'zIDSESSION\0', 0), (b'zFILDES\0\0', 1), (b'zPING\0', 1)],
    'garbage': [(b'\xff' * 5000, 20)],
}
for name, parts in messages.items():
    talk = connected()
    try:
        for data, count in parts:
            if count == 0:
                talk.sendall(data)
            else:
                socket.send_fds(talk, [data], [regular] * count)
    except (BrokenPipeError, ConnectionResetError):
        # The daemon had closed already.
        pass
    answers[name] = heard(talk)
    talk.close()
print(json.dumps(answers))
