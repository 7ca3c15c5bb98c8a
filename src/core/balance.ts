import type { Holder } from "./catalog.ts";
import type { OwnerId } from "./names.ts";
import type { Random } from "./ports.ts";

/** An upstream that could take a call, as far as choosing is concerned. */
export interface Candidate {
  readonly holder: Holder;
  readonly inFlight: number;
  /** Holds the conversation of this call's agent. */
  readonly keepsAgent: boolean;
  /** As many calls run there as may, and others wait already. */
  readonly isFull: boolean;
}

/** What a choice may depend on beside the candidates. */
export interface Occasion {
  /** Grows by one with every call. */
  readonly turn: number;
  readonly owner: OwnerId;
  readonly random: Random;
}

/** Brings candidates of one priority, at least two, into an order; knows nothing of health. */
export type Policy = <T extends Candidate>(equals: readonly T[], occasion: Occasion) => readonly T[];

const roundRobin: Policy = (equals, { turn }) => {
  const start = turn % equals.length;
  return equals.slice(start).concat(equals.slice(0, start));
};

const leastPending: Policy = (equals, occasion) =>
  [...roundRobin(equals, occasion)].sort((a, b) => a.inFlight - b.inFlight);

/** Close to the least busy, without all who choose at the same time choosing the same. */
const powerOfTwo: Policy = (equals, occasion) => {
  const drawn = Math.floor(occasion.random() * equals.length);
  const other = (drawn + 1 + Math.floor(occasion.random() * (equals.length - 1))) % equals.length;
  const pair = [equals[drawn]!, equals[other]!].sort((a, b) => a.inFlight - b.inFlight);
  return [...pair, ...roundRobin(equals, occasion).filter(each => !pair.includes(each))];
};

/** Nobody gets more than this multiple of an equal share for the sake of affinity. */
export const AFFINITY_BOUND = 1.5;

/** The same agent to the same upstream, as long as that has room; one that leaves moves only its own agents. */
const affinity: Policy = (equals, { owner }) => {
  const inFlight = equals.reduce((sum, each) => sum + each.inFlight, 1);
  const room = Math.ceil((AFFINITY_BOUND * inFlight) / equals.length);
  return equals
    .map(each => ({ each, full: Number(each.inFlight >= room), score: hash(`${owner} ${each.holder.upstream}`) }))
    .sort((a, b) => a.full - b.full || b.score - a.score)
    .map(({ each }) => each);
};

/** FNV-1a with a final mixing (of MurmurHash3), without which similar names score alike. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) {
    value = Math.imul(value ^ text.charCodeAt(index), 0x01000193);
  }
  value = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  value = Math.imul(value ^ (value >>> 13), 0xc2b2ae35);
  return (value ^ (value >>> 16)) >>> 0;
}

/** Every policy, and what the documentation says of it. The configuration takes its names from here. */
export const BALANCING = {
  round_robin: { policy: roundRobin, about: "each in turn" },
  least_pending: { policy: leastPending, about: "the one with the fewest running calls" },
  power_of_two: { policy: powerOfTwo, about: "the less busy of two at random" },
  affinity: { policy: affinity, about: "an agent stays with one" },
} satisfies Readonly<Record<string, { readonly policy: Policy; readonly about: string }>>;
export type BalancingName = keyof typeof BALANCING;

/** What each of them does, for the documentation. */
export const balancingWords = Object.entries(BALANCING)
  .map(([name, { about }]) => `\`${name}\`: ${about}.`)
  .join(" ");

/**
 * Whom to try, first choice first: by priority, then, among equals, whoever holds the agent's conversation, then as the
 * policy says, and those where a call would have to wait after the others.
 */
export function order<T extends Candidate>(candidates: readonly T[], policy: Policy, occasion: Occasion): readonly T[] {
  const [best] = candidates;
  if (!best || candidates.every(({ holder }) => holder.priority === best.holder.priority)) {
    return arrange(candidates, policy, occasion);
  }
  const priorities = new Set(candidates.map(({ holder }) => holder.priority).sort((a, b) => a - b));
  return [...priorities].flatMap(priority =>
    arrange(
      candidates.filter(({ holder }) => holder.priority === priority),
      policy,
      occasion,
    ),
  );
}

function arrange<T extends Candidate>(equals: readonly T[], policy: Policy, occasion: Occasion): readonly T[] {
  if (equals.length < 2) return equals;
  const ordered = policy(equals, occasion);
  if (!ordered.some(each => each.keepsAgent || each.isFull)) return ordered;
  const others = ordered.filter(each => !each.keepsAgent);
  return [
    ...ordered.filter(each => each.keepsAgent),
    ...others.filter(each => !each.isFull),
    ...others.filter(each => each.isFull),
  ];
}
