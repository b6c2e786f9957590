"""Makes containers of every kind that Python can make, and signatures of what is in them.

usage: unpack.py DIRECTORY
"""

import binascii
import bz2
import email.message
import email.policy
import gzip
import hashlib
import io
import lzma
import os
import random
import sys
import tarfile
import zipfile

directory = sys.argv[1]
randomness = random.Random(6)
contents = {}


def content(name, lines=60):
    text = "".join(f"{name} line {randomness.randrange(10**6)}\n" for _ in range(lines)).encode()
    contents[name] = text
    return text


def write(name, data):
    with open(os.path.join(directory, name), "wb") as file:
        file.write(data)


def zip_of(entries, method=zipfile.ZIP_DEFLATED):
    output = io.BytesIO()
    with zipfile.ZipFile(output, "w", method) as archive:
        for name, data in entries:
            archive.writestr(name, data)
    return output.getvalue()


class Unseekable(io.RawIOBase):
    """Makes zipfile write data descriptors."""

    def __init__(self):
        self.data = b""

    def write(self, data):
        self.data += bytes(data)
        return len(data)

    def writable(self):
        return True

    def seekable(self):
        return False


def tar_of(entries, form):
    output = io.BytesIO()
    with tarfile.open(fileobj=output, mode="w", format=form) as archive:
        for name, data in entries:
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return output.getvalue()


for method in ("STORED", "DEFLATED", "BZIP2"):
    entries = [(f"{n}.txt", content(f"zip{method}{n}")) for n in range(3)]
    write(f"zip-{method}", zip_of(entries, getattr(zipfile, f"ZIP_{method}")))

stream = Unseekable()
with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
    archive.writestr("a", content("descriptorA"))
    archive.writestr("b", content("descriptorB"))
write("zip-descriptors", stream.data)
write("zip-docx", zip_of([("[Content_Types].xml", content("types")), ("word/document.xml", content("document"))]))

for form, name in ((tarfile.USTAR_FORMAT, "ustar"), (tarfile.GNU_FORMAT, "gnu"), (tarfile.PAX_FORMAT, "pax")):
    entries = [("x" * 90, content(f"{name}1")), ("b", content(f"{name}2"))]
    if name != "ustar":
        entries.append(("y" * 300, content(f"{name}3")))
    write(f"tar-{name}", tar_of(entries, form))
    write(f"tar-{name}-gz", gzip.compress(tar_of([("a", content(f"{name}gz"))], form)))
cut = tar_of([("a", content("cut1")), ("b", content("cut2"))], tarfile.USTAR_FORMAT)
write("tar-cut", cut[:4096])

for name, compress in (("gzip", gzip.compress), ("bzip2", bz2.compress), ("xz", lzma.compress)):
    write(f"{name}-one", compress(content(f"{name}one")))
    write(f"{name}-large", compress(content(f"{name}large", 8000)))
    nested = content(f"{name}nested")
    for _ in range(5):
        nested = compress(nested)
    write(f"{name}-nested", nested)
write("gzip-members", gzip.compress(content("member1")) + gzip.compress(content("member2")))
contents["members"] = contents["member1"] + contents["member2"]
write("gzip-trailing", gzip.compress(content("trailing")) + b"trailing bytes")

inner = content("matryoshka")
for level in range(6):
    inner = zip_of([("inner", inner), ("beside", content(f"beside{level}"))])
write("zip-nested", inner)



def mail_of(name, files, encoding="base64", subtype="mixed", text="See the attachment."):
    message = email.message.EmailMessage(policy=email.policy.SMTP)
    message["From"] = "a@example.com"
    message["To"] = "b@example.com"
    message["Subject"] = name
    message.set_content(text)
    message.add_alternative(f"<html><body>{text}</body></html>", subtype="html")
    for file_name, data in files:
        message.add_attachment(data, maintype="application", subtype="x-data", filename=file_name, cte=encoding)
    if subtype != "mixed":
        message.set_type(f"multipart/{subtype}")
    return message


for encoding in ("base64", "quoted-printable"):
    files = [(f"{n}.bin", content(f"mail{encoding}{n}")) for n in range(3)]
    write(f"mail-{encoding}", mail_of("m", files, encoding).as_bytes())
for subtype in ("related", "report", "digest"):
    write(f"mail-{subtype}", mail_of("m", [("a", content(f"mail{subtype}"))], subtype=subtype).as_bytes())
write("mail-zip", mail_of("m", [("a.zip", zip_of([("a", content("mailzip"))]))]).as_bytes())
write("mail-lf", mail_of("m", [("a", content("maillf"))]).as_bytes().replace(b"\r\n", b"\n"))
outer = mail_of("outer", [("a", content("outer"))])
outer.add_attachment(mail_of("inner", [("b", content("inner"))]))
write("mail-in-mail", outer.as_bytes())
write("mail-box", b"".join(b"From a\n" + mail_of("m", [("a", content(f"box{n}"))]).as_bytes() + b"\n" for n in range(3)))
data = content("uuencoded")
lines = b"".join(binascii.b2a_uu(data[at : at + 45]) for at in range(0, len(data), 45))
write("mail-uu", b"From: a\nSubject: b\n\ntext\nbegin 644 a.txt\n" + lines + b"`\nend\nmore\n")
bounced = mail_of("bounced", [("a", content("bounced"))]).as_bytes()
write("mail-bounced", b"From: a\n\nThis came back:\n\n" + bounced)

with open(os.path.join(directory, "signatures.hdb"), "w") as signatures:
    for name, data in contents.items():
        signatures.write(f"{hashlib.md5(data).hexdigest()}:{len(data)}:{name}\n")
