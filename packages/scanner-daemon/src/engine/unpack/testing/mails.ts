/** The boundary of {@link mailOf}. */
const BOUNDARY = 'b';

/** A `begin` block of the 20 bytes `some content to scan`. */
export const UUENCODED = "begin 644 uu.bin\n4<V]M92!C;VYT96YT('1O('-C86X`\n`\nend\n";

/** A mail with a text and these files as attachments in base64. */
export function mailOf(files: readonly { readonly name: string; readonly content: Uint8Array }[]): Buffer {
  const parts = files.map(({ name, content }) =>
    [
      `--${BOUNDARY}`,
      `Content-Type: application/octet-stream; name="${name}"`,
      'Content-Transfer-Encoding: base64',
      '',
      ...(Buffer.from(content)
        .toString('base64')
        .match(/.{1,76}/g) ?? []),
    ].join('\n'),
  );
  const head = [
    'From: a@example.com',
    `Content-Type: multipart/mixed; boundary=${BOUNDARY}`,
    '',
    `--${BOUNDARY}`,
    'Content-Type: text/plain',
    '',
    'text',
  ];
  return Buffer.from([...head, ...parts, `--${BOUNDARY}--`, ''].join('\n'));
}
