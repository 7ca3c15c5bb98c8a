/** So many answers of ours may be on their way to an upstream that asks and asks. */
export const MOST_UNDERWAY = 64;

/**
 * Sends answers to what an upstream asks. Each may take a connection: whoever asks faster than it takes the answers gets
 * none to the rest.
 */
export function createResponder(send: (text: Buffer) => Promise<void>): (text: Buffer) => void {
  let underway = 0;
  const done = (): void => {
    underway--;
  };
  return text => {
    if (underway >= MOST_UNDERWAY) return;
    underway++;
    void send(text).then(done, done);
  };
}
