import { closeSync, openSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

// Opens and closes the files of a directory, one after the other, round and round: `open-loop DIR COUNT`.
// Prints how often it was let in and how often it was refused. A process of its own, as openers are.
const [directory = '', count = '0'] = process.argv.slice(2);
const files = readdirSync(directory).map((name) => join(directory, name));
let opened = 0;
let refused = 0;
for (let times = 0; times < Number(count); times += 1) {
  try {
    closeSync(openSync(files[times % files.length] ?? '', 'r'));
    opened += 1;
  } catch {
    refused += 1;
  }
}
process.stdout.write(JSON.stringify({ opened, refused }));
