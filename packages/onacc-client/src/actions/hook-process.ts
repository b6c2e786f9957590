import { closeSync, readdirSync, readFileSync } from 'node:fs';
import { serveCommands } from '@portcullis/shared';

const O_CLOEXEC = 0o2000000;
/** Node itself makes the first sixteen close-on-exec, and those after them up to the first gap. */
const FIRST_LEFT_OPEN = 16;

// Starts ONACC_ON_DETECTION's commands in the client's place. It was made before the client held anything of the kernel's.
closeInherited();
serveCommands();

/** What a careless parent of the client has left open: the commands are not to have it. */
function closeInherited(): void {
  for (const name of readdirSync('/proc/self/fd')) {
    const fd = Number(name);
    if (fd < FIRST_LEFT_OPEN) continue;
    try {
      const flags = /^flags:\s*([0-7]+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'))?.[1];
      if (flags !== undefined && (Number.parseInt(flags, 8) & O_CLOEXEC) === 0) closeSync(fd);
    } catch {
      // That of the listing itself, closed by now.
    }
  }
}
