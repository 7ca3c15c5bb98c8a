import type { Clock } from "../../core/ports.ts";
import { type Placed, Running } from "../../lib/running.ts";

/** Something that has to end in time. */
export interface Timed extends Placed {
  /** Monotonic milliseconds. It may be put off at any moment, never brought forward. */
  dueAt: number;
  expire(): void;
}

/** Timers with a longer delay fire at once. */
const LONGEST_TIMER_MS = 2_147_483_647;

/** Watches over everything that runs on one channel with one timer, which looks again when it fires. */
export class Deadlines {
  readonly #clock: Clock;
  readonly #members = new Running<Timed>();
  #firesAt = Number.POSITIVE_INFINITY;
  #cancel: (() => void) | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  add(member: Timed): void {
    this.#members.add(member);
    if (member.dueAt < this.#firesAt) this.#arm(member.dueAt);
  }

  remove(member: Timed): void {
    this.#members.remove(member);
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
    for (const member of this.#members.all()) if (member.dueAt <= now) member.expire();
    let next = Number.POSITIVE_INFINITY;
    for (const member of this.#members.all()) next = Math.min(next, member.dueAt);
    if (next < this.#firesAt) this.#arm(next);
  }
}
