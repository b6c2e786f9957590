/**
 * What is awaited, or `late` where it takes longer than `maxMs`; what it waits for goes on all the same. Keeps no
 * process alive. @param awaited never rejects
 */
export function within<Value, Late>(
  maxMs: number,
  awaited: Promise<Value>,
  late: Late,
): Promise<Value | Late> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, maxMs, late);
    timer.unref();
    void awaited.then((value) => {
      clearTimeout(timer);
      resolve(value);
    });
  });
}
