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
  /** Takes one token from the bucket of that key. Rejects when it cannot tell: the request that asks for it fails then. */
  take(key: string, rule: BucketRule): Taken | Promise<Taken>;
}

/** What a sealed text is for and whose it is. All three must be the same when it is opened. */
export interface SealContext {
  readonly purpose: string;
  readonly principal: string;
  /** What it is about, in whatever form tells one thing from another. */
  readonly about: string;
}
export type Opened =
  | { readonly ok: true; readonly text: string }
  /** `forged`: not ours, tampered with, or of another context; nobody is told which. */
  | { readonly ok: false; readonly reason: "forged" | "expired" };

/** Turns a text into one that only we can read or make, so that it may wait with an agent. */
export interface Sealer {
  /** Longest text that can be sealed. */
  readonly maxBytes: number;
  /** `text` must not be longer than `maxBytes`. */
  seal(context: SealContext & { readonly expiresInMs: number }, text: string): string;
  open(context: SealContext, sealed: string): Opened;
}
