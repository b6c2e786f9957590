import { compoundDocument } from './compound-document.js';
import { crc32 } from './crc32.js';

/** Puts a file into a container of a ClamAV type; undefined where that is not built. */
export function wrapInContainer(type: string | undefined, bytes: Uint8Array): Uint8Array | undefined {
  switch (type) {
    case undefined:
    case 'CL_TYPE_ANY':
      return bytes;
    case 'CL_TYPE_ZIP':
      return storedZip(bytes, 'a.bin');
    case 'CL_TYPE_OOXML_WORD':
      return storedZip(bytes, 'word/a.bin');
    case 'CL_TYPE_OOXML_XL':
      return storedZip(bytes, 'xl/a.bin');
    case 'CL_TYPE_OOXML_PPT':
      return storedZip(bytes, 'ppt/a.bin');
    case 'CL_TYPE_MSOLE2':
      return compoundDocument([{ name: 'a', content: withLength(bytes, STREAM_MIN_BYTES) }]);
    case 'CL_TYPE_MAIL':
      return mailWithAttachment(bytes);
    default:
      return undefined;
  }
}

const STREAM_MIN_BYTES = 4096;

function withLength(bytes: Uint8Array, minBytes: number): Uint8Array {
  return Buffer.concat([bytes, Buffer.alloc(Math.max(0, minBytes - bytes.length))]);
}

function storedZip(bytes: Uint8Array, entryName: string): Uint8Array {
  const name = Buffer.from(entryName);
  const common = Buffer.alloc(26);
  common.writeUInt16LE(20, 0);
  common.writeUInt16LE(0x21, 8);
  common.writeUInt32LE(crc32(bytes), 10);
  common.writeUInt32LE(bytes.length, 14);
  common.writeUInt32LE(bytes.length, 18);
  common.writeUInt16LE(name.length, 22);
  const local = [Buffer.from('PK\x03\x04', 'latin1'), common, name, bytes];
  const central = Buffer.concat([Buffer.from('PK\x01\x02\x14\0', 'latin1'), common, Buffer.alloc(14), name]);
  const end = Buffer.alloc(22);
  end.write('PK\x05\x06', 'latin1');
  end.writeUInt16LE(1, 8);
  end.writeUInt16LE(1, 10);
  end.writeUInt32LE(central.length, 12);
  end.writeUInt32LE(30 + name.length + bytes.length, 16);
  return Buffer.concat([...local, central, end]);
}

function mailWithAttachment(bytes: Uint8Array): Uint8Array {
  const encoded = Buffer.from(bytes).toString('base64').replace(/.{76}/g, '$&\r\n');
  return Buffer.from(
    [
      'From: a@example.com',
      'To: b@example.com',
      'Subject: q',
      'MIME-Version: 1.0',
      'Content-Type: multipart/mixed; boundary="qzkv"',
      '',
      '--qzkv',
      'Content-Type: application/octet-stream; name="a.bin"',
      'Content-Transfer-Encoding: base64',
      'Content-Disposition: attachment; filename="a.bin"',
      '',
      encoded,
      '--qzkv--',
      '',
    ].join('\r\n'),
    'latin1',
  );
}
