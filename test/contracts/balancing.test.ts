import { describe, expect, it } from "vitest";
import { BALANCING, type Candidate, order, type Policy } from "../../src/core/balance.ts";
import { nativeName, ownerId, upstreamName } from "../../src/core/names.ts";
import { Payload } from "../../src/core/payload.ts";
import { seeded } from "../fixtures/simulated-fleet.ts";

function candidate(name: string, changes: Partial<Candidate> & { priority?: number } = {}): Candidate {
  const { priority = 1, ...rest } = changes;
  const holder = { upstream: upstreamName(name), native: nativeName("t"), priority, definition: Payload.of({}) };
  return { holder, inFlight: 0, keepsAgent: false, isFull: false, ...rest };
}
const namesOf = (candidates: readonly Candidate[]): string[] => candidates.map(({ holder }) => holder.upstream);
const occasion = (turn: number, random = seeded(turn + 1)) => ({ turn, random, owner: ownerId(`agent ${turn}`) });
const fleet = (...names: string[]) => names.map(name => candidate(name));

/** How often each is the first choice. */
function firsts(policy: Policy, candidates: readonly Candidate[], calls = 3_000): Record<string, number> {
  const random = seeded(3);
  const counts: Record<string, number> = Object.fromEntries(namesOf(candidates).map(name => [name, 0]));
  for (let turn = 0; turn < calls; turn++) {
    const [first] = namesOf(order(candidates, policy, occasion(turn, random)));
    counts[first!]!++;
  }
  return counts;
}

describe.each(Object.entries(BALANCING))("the balancing policy %s", (_name, { policy }) => {
  it.each([1, 2, 3, 7])("puts each of %i candidates into the order once", many => {
    const candidates = fleet(..."abcdefg".slice(0, many));
    for (let turn = 0; turn < 200; turn++) {
      expect(namesOf(order(candidates, policy, occasion(turn))).sort()).toEqual(namesOf(candidates).sort());
    }
  });

  it("never lets a worse priority come before a better one", () => {
    const candidates = [candidate("d", { priority: 3 }), ...fleet("a", "b"), candidate("c", { priority: 2 })];
    for (let turn = 0; turn < 200; turn++) {
      const ordered = namesOf(order(candidates, policy, occasion(turn)));
      expect([ordered.slice(0, 2).sort(), ordered.slice(2)]).toEqual([
        ["a", "b"],
        ["c", "d"],
      ]);
    }
  });

  it("keeps an agent with the one that holds its conversation", () => {
    const candidates = [...fleet("a", "b"), candidate("c", { keepsAgent: true, inFlight: 50 })];
    for (let turn = 0; turn < 200; turn++) expect(namesOf(order(candidates, policy, occasion(turn)))[0]).toBe("c");
  });

  it("lets nobody wait in a queue while an equal is free", () => {
    const candidates = [candidate("a", { isFull: true }), ...fleet("b", "c")];
    for (let turn = 0; turn < 200; turn++) expect(namesOf(order(candidates, policy, occasion(turn)))[2]).toBe("a");
  });

  it("gives equals that have nothing to do about the same", () => {
    for (const count of Object.values(firsts(policy, fleet("a", "b", "c")))) {
      expect(count).toBeGreaterThan(800);
      expect(count).toBeLessThan(1_200);
    }
  });

  it("leaves the candidates as they were", () => {
    const candidates = fleet("a", "b", "c");
    order(candidates, policy, occasion(1));
    expect(namesOf(candidates)).toEqual(["a", "b", "c"]);
  });
});

describe("the balancing policy", () => {
  const busy = [candidate("a", { inFlight: 9 }), candidate("b", { inFlight: 1 }), candidate("c", { inFlight: 5 })];

  it("least_pending asks the least busy first", () => {
    expect(namesOf(order(busy, BALANCING.least_pending.policy, occasion(0)))).toEqual(["b", "c", "a"]);
  });

  it("power_of_two never asks the busiest first", () => {
    expect(firsts(BALANCING.power_of_two.policy, busy)).toMatchObject({ a: 0 });
  });

  it("affinity keeps an agent where it is when another upstream comes or goes", () => {
    const before = fleet("a", "b", "c");
    const after = fleet("a", "b", "c", "d");
    for (let turn = 0; turn < 500; turn++) {
      const [was] = namesOf(order(before, BALANCING.affinity.policy, occasion(turn)));
      const [is] = namesOf(order(after, BALANCING.affinity.policy, occasion(turn)));
      expect([was, "d"]).toContain(is);
    }
  });

  it("affinity does not fill one upstream while the others are idle", () => {
    const [first, ...others] = namesOf(order(fleet("a", "b", "c"), BALANCING.affinity.policy, occasion(5)));
    const crowded = [candidate(first!, { inFlight: 20 }), ...others.map(name => candidate(name, { inFlight: 2 }))];
    expect(namesOf(order(crowded, BALANCING.affinity.policy, occasion(5))).at(-1)).toBe(first);
  });
});
