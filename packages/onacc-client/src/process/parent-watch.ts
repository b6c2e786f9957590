import { Socket } from 'node:net';
import { isPipe } from '@portcullis/shared/launch';

/** Names the descriptor whose end of stream says that whoever started us is gone. scanner-daemon's keeper sets it. */
const PARENT_FD_VARIABLE = 'PORTCULLIS_PARENT_FD';
const FIRST_FD = 3;

/** A watch on whoever started us. */
export interface ParentWatch {
  close(): void;
}

/**
 * Ends this program with the one that has started it, killed or not: a process that is killed says nothing, but the kernel
 * closes its end of the pipe. Without the variable nobody asked for that. Call it before anything is marked; it keeps
 * nothing alive.
 *
 * @param env `process.env`, from main: the variable is taken out, so that nothing we start takes it for its own.
 * @param onGone - called once.
 */
export function watchParent(
  env: Record<string, string | undefined>,
  onGone: () => void,
): ParentWatch | undefined {
  const text = env[PARENT_FD_VARIABLE];
  Reflect.deleteProperty(env, PARENT_FD_VARIABLE);
  const fd = text !== undefined && /^\d{1,5}$/.test(text) ? Number(text) : -1;
  if (fd < FIRST_FD || !isPipe(fd)) return undefined;
  const pipe = new Socket({ fd, readable: true, writable: false });
  let isOver = false;
  const settle = (): void => {
    if (isOver) return;
    isOver = true;
    onGone();
  };
  for (const event of ['end', 'error', 'close'] as const) pipe.on(event, settle);
  pipe.resume();
  pipe.unref();
  return {
    close: () => {
      isOver = true;
      pipe.destroy();
    },
  };
}
