import type { OwnerId } from "../../core/names.ts";

/** When the latest calls were answered, and whose they were; as many as may matter to a list that follows at once. */
export interface Answers {
  /** `at`: monotonic milliseconds. */
  add(owner: OwnerId, at: number): void;
  /** −∞ for none. */
  latestOf(owner: OwnerId): number;
}

export function createAnswers(): Answers {
  const size = 64;
  const latest: { owner: OwnerId; at: number }[] = [];
  let next = 0;
  return {
    add(owner, at) {
      latest[next] = { owner, at };
      next = (next + 1) % size;
    },
    latestOf: owner =>
      Math.max(Number.NEGATIVE_INFINITY, ...latest.filter(one => one.owner === owner).map(({ at }) => at)),
  };
}
