import type { Random } from './random.js';

/** What the syntax of signatures is made of. */
const PIECES = [
  ...Array.from(';:,*?(){}[]|!&=<>-+#$/~^."%0123456789abcdefABCDEFinwarsgxmUE'),
  '::i',
  '::wa',
  '{-10}',
  '{5-}',
  '{3-2}',
  '[2-4]',
  '(B)',
  '!(L)',
  '(aa|bb)',
  '!(aa|bb)',
  '(aa|bbcc)',
  '??',
  'a?',
  'EP+0:',
  'EOF-10:',
  'S1+2:',
  'SL+3:',
  'SE0:',
  'VI:',
  '0,5:',
  '=0',
  '>2,1',
  '<3',
  'FileSize:1-2',
  'NumberOfSections:1-9',
  'Container:CL_TYPE_ZIP',
  'Target:99',
  'Engine:1-20',
  '0/abc/i',
  '0(>>5#hb2#=10)',
  '${6-7}12$',
];

/** A copy with one to three things put in, taken out, or put in another place. */
export function mutateLine(line: string, random: Random): string {
  let mutated = line;
  const edits = 1 + random(3);
  for (let edit = 0; edit < edits; edit++) mutated = mutateOnce(mutated, random);
  return mutated.replace(/[\n\r\0]/g, '');
}

function mutateOnce(line: string, random: Random): string {
  const at = random(line.length + 1);
  const piece = PIECES[random(PIECES.length)] ?? '';
  switch (random(6)) {
    case 0:
      return line.slice(0, at) + line.slice(at + 1);
    case 1:
      return line.slice(0, at) + piece + line.slice(at);
    case 2:
      return line.slice(0, at) + piece + line.slice(at + piece.length);
    case 3:
      return withFieldEdited(line, random, piece);
    case 4:
      return line.slice(0, at) + line.slice(at + random(6));
    default:
      return withFieldEdited(line, random, undefined);
  }
}

/** Puts a piece at one end of a field; without one, doubles the field, drops it or swaps it with the next. */
function withFieldEdited(line: string, random: Random, piece: string | undefined): string {
  const separator = line.includes(';') ? ';' : ':';
  const fields = line.split(separator);
  const index = random(fields.length);
  const field = fields[index] ?? '';
  if (piece !== undefined) fields[index] = random(2) === 0 ? piece + field : field + piece;
  else if (random(3) === 0) fields.splice(index, 1);
  else if (random(2) === 0) fields.splice(index, 0, field);
  else fields.splice(index, 2, fields[index + 1] ?? '', field);
  return fields.join(separator);
}
