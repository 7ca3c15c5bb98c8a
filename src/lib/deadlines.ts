import type { Clock } from "../core/ports.ts";
import { Running, type Stoppable, stopAll } from "./running.ts";

/** Something that runs and has to end in time. */
export interface Timed extends Stoppable {
  /** Monotonic milliseconds. It may be put off at any moment; whoever brings it forward says so by `hasten`. */
  dueAt: number;
  expire(): void;
}

/** Timers with a longer delay fire at once. */
const LONGEST_TIMER_MS = 2_147_483_647;

/**
 * Everything that runs on one channel, watched over with one timer. The timer looks again when it fires; what ends before
 * leaves it alone, so that a channel with one call at a time does not set it for each.
 */
export class Deadlines {
  readonly #clock: Clock;
  readonly #members = new Running<Timed>();
  #firesAt = Number.POSITIVE_INFINITY;
  #cancel: (() => void) | undefined;
  #isLast = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get size(): number {
    return this.#members.size;
  }

  add(member: Timed): void {
    this.#members.add(member);
    this.hasten(member);
  }

  /** It is due earlier than before. */
  hasten({ dueAt }: Timed): void {
    if (dueAt < this.#firesAt) this.#arm(dueAt);
  }

  remove(member: Timed): void {
    this.#members.remove(member);
    if (this.#isLast) this.#disarmIfIdle();
  }

  /** Nothing new is expected: no timer is left when what runs has ended. */
  finish(): void {
    this.#isLast = true;
    this.#disarmIfIdle();
  }

  /** Ends everything that runs now, after which nothing new is expected. */
  stopAll(): void {
    stopAll(this.#members);
    this.finish();
  }

  #disarmIfIdle(): void {
    if (this.#members.size === 0) this.#disarm();
  }

  #arm(dueAt: number): void {
    this.#disarm();
    this.#firesAt = dueAt;
    const delayMs = Math.max(dueAt - this.#clock.now(), 0);
    this.#cancel = this.#clock.after(Math.min(delayMs, LONGEST_TIMER_MS), () => this.#look());
  }

  #disarm(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    this.#firesAt = Number.POSITIVE_INFINITY;
  }

  #look(): void {
    this.#disarm();
    const now = this.#clock.now();
    // One that ends may take others with it.
    for (const member of this.#members.all()) if (member.dueAt <= now && this.#members.has(member)) member.expire();
    let next = Number.POSITIVE_INFINITY;
    for (const member of this.#members.all()) next = Math.min(next, member.dueAt);
    if (next < this.#firesAt) this.#arm(next);
  }
}
