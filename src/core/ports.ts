/** The world outside, as parameters. */

export interface Clock {
  /** Monotonic milliseconds: for every duration. */
  now(): number;
  /** Milliseconds since 1970: for showing a time to somebody. */
  wall(): number;
  /** Calls `run` once after `delayMs`, unless the returned function is called first. Never keeps the process alive. */
  after(delayMs: number, run: () => void): () => void;
}

/** At least `0`, less than `1`. */
export type Random = () => number;

/** A token bucket: `capacity` tokens at most, refilled evenly at `perMinute`. */
export interface BucketRule {
  readonly capacity: number;
  readonly perMinute: number;
}
export type Taken = { readonly ok: true } | { readonly ok: false; readonly retryAfterMs: number };

/** State that all processes of one gateway share. The embedded one lives in this process and answers at once. */
export interface Store {
  /** Takes one token from the bucket of that key. */
  take(key: string, rule: BucketRule): Taken | Promise<Taken>;
}

/** News that all processes of one gateway share. */
export interface Bus {
  publish(topic: string, message: string): void;
  /** Returns the function that ends the subscription. */
  subscribe(topic: string, receive: (message: string) => void): () => void;
}
