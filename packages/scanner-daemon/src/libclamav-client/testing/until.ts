const WAIT_MAX_MS = 20_000;

/** For tests: waits, over real turns of the event loop, whatever clock is faked. @param seen what is told when it does not come */
export async function until(condition: () => boolean, seen: () => unknown = () => undefined): Promise<void> {
  const endMs = Date.now() + WAIT_MAX_MS;
  while (!condition()) {
    if (Date.now() > endMs) throw new Error(`it did not come: ${JSON.stringify(seen())}`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}
