import type { OwnerId } from "../../core/names.ts";

/**
 * Who uses a conversation on which a question does not say which call it belongs to: one agent at a time, with as many
 * calls as it likes, so that a question is always that agent's.
 */
export interface Occupancy {
  /** Whether a call of this agent may begin now. */
  admits(owner: OwnerId): boolean;
  /** A call of an agent that is admitted begins. Returns the function that says that nothing of it is open any more. */
  enter(owner: OwnerId): () => void;
  /** The agent that uses it, or used it last, or for which it was opened. */
  readonly latest: OwnerId | undefined;
  /** Calls `run` once, as soon as nobody uses it. Returns the function that withdraws that. */
  whenVacant(run: () => void): () => void;
}

export function createOccupancy(opener?: OwnerId): Occupancy {
  const waiting = new Set<() => void>();
  let latest = opener;
  let calls = 0;

  function leave(): void {
    calls--;
    if (calls > 0) return;
    const runs = [...waiting];
    waiting.clear();
    for (const run of runs) run();
  }

  return {
    admits: owner => calls === 0 || latest === owner,
    enter(owner) {
      latest = owner;
      calls++;
      let inside = true;
      return () => {
        if (inside) leave();
        inside = false;
      };
    },
    get latest() {
      return latest;
    },
    whenVacant(run) {
      if (calls === 0) run();
      else waiting.add(run);
      return () => waiting.delete(run);
    },
  };
}
