import { isErrno } from '@portcullis/shared/native';

/** Whether something ended for want of memory: a thread's heap, an array, or a call that the kernel refused. */
export function isOutOfMemory(cause: unknown): boolean {
  if (typeof cause !== 'object' || cause === null) return false;
  if ('code' in cause && cause.code === 'ERR_WORKER_OUT_OF_MEMORY') return true;
  if (isErrno(cause, 'ENOMEM')) return true;
  // V8 has no code for an array that could not be allocated.
  return 'message' in cause && cause.message === 'Array buffer allocation failed';
}
