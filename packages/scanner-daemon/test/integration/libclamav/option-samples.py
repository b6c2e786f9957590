"""Files that options of clamd.conf decide about. Usage: option-samples.py DIRECTORY TESTFILE MARKER"""
import os
import sys
import zipfile

directory, testfile, marker = sys.argv[1], sys.argv[2], sys.argv[3].encode()
with open(testfile, 'rb') as program:
    program_bytes = program.read()
MIB = 1024 * 1024
LOCAL_HEADER, CENTRAL_HEADER = b'PK\x03\x04', b'PK\x01\x02'


def put(name, content):
    with open(os.path.join(directory, name), 'wb') as file:
        file.write(content)


def put_zip(name, content):
    with zipfile.ZipFile(os.path.join(directory, name), 'w', zipfile.ZIP_DEFLATED) as archive:
        archive.writestr('content', content)


put('plain.exe', program_bytes)
put_zip('packed.zip', program_bytes)
put_zip('large.zip', b'\0' * (3 * MIB) + marker)
put('large', marker + b'\0' * (3 * MIB))
# Cut off in its headers, and without what the tests' signatures look for.
put('broken.exe', program_bytes[:0x40] + b'\0' * 0xC0 + program_bytes[0x100:0x130])
put('marked', b'x' + marker)
put('clean', b'nothing to see')
put('cards', b'some numbers: 4111111111111111 5500005555555559 4012888888881881 4222222222222220\n')
put('ssns', b'some numbers: 123-45-6789 123-45-6780 123-45-6781 123-45-6782\n')
# An animated cursor whose header claims to be larger than one is (MS05-002).
put('cursor.ani', b'RIFF\x58\0\0\0ACONanih\x58\0\0\0' + b'A' * 0x58)

# Whether an entry is encrypted is bit 0 of a word: no key is needed.
put_zip('encrypted.zip', b'whatever it is' * 100)
path = os.path.join(directory, 'encrypted.zip')
with open(path, 'rb') as file:
    content = bytearray(file.read())
content[content.index(LOCAL_HEADER) + 6] |= 1
content[content.index(CENTRAL_HEADER) + 8] |= 1
put('encrypted.zip', content)
