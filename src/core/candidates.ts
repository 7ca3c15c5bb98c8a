import { type Hidden, KINDS, type Kind, type Source } from "./catalog.ts";
import { FILTER_KEYS, filterOf } from "./filters.ts";
import { nativeName } from "./names.ts";
import { nearest } from "./nearest.ts";
import type { Payload } from "./payload.ts";
import { IDENTITY, malformed, type Repair } from "./repair.ts";
import type { Repairs } from "./repairs.ts";
import type { Candidate } from "./replicas.ts";
import { createSchemaIds } from "./schema-ids.ts";
import type { Steps } from "./steps.ts";

/** What the upstreams offer, after everything that concerns one upstream alone. */
export interface Selection {
  /** In configuration order of the upstreams, then in their own order. */
  readonly candidates: Readonly<Record<Kind, readonly Candidate[]>>;
  readonly hidden: readonly Hidden[];
}

const MAX_SHOWN_NAME = 200;
/** No more are looked at for a name that is like one that is not offered. */
const MOST_GUESSES = 2_000;
/** Longer names and URIs are nobody's honest ones, and would be repeated in reasons, tables and logs. */
const MAX_NAME = 4096;

/** Leaves out what filters do not name, what cannot be listed and what an upstream lists twice; repairs the rest. */
export function* selectCandidates(sources: readonly Source[], repairs: Repairs | undefined): Steps<Selection> {
  const candidates: Record<Kind, Candidate[]> = { tool: [], prompt: [], resource: [], template: [] };
  const hidden: Hidden[] = [];
  const apart = createSchemaIds();
  for (const [position, source] of sources.entries()) {
    for (const kind of KINDS) {
      yield* selectOfOne(kind, source, { position, repairs, apart, hidden, selected: candidates[kind] });
    }
  }
  return { candidates, hidden };
}

interface Selecting {
  readonly position: number;
  readonly repairs: Repairs | undefined;
  readonly apart: ReturnType<typeof createSchemaIds>;
  readonly hidden: Hidden[];
  readonly selected: Candidate[];
}

const REST_COST = 100;
/** To find what a name may mean. */
const NEAREST_COST = 1_000;

/** Mostly for hashing it, and for looking into it. */
const costOf = ({ size }: Payload): number => 5 + size / 200;

function* selectOfOne(
  kind: Kind,
  source: Source,
  { position, repairs, apart, hidden, selected }: Selecting,
): Steps<void> {
  if (!source.offer) return;
  const note = (action: Hidden["action"], name: string, reason: string): void => {
    hidden.push({ action, upstream: source.name, kind, name: name.slice(0, MAX_SHOWN_NAME), reason });
  };
  const filter = filterOf(kind, source);
  const seen = new Set<string>();
  const offered = source.offer.definitions[kind];
  let cost = 0;
  for (const [index, original] of offered.entries()) {
    cost += costOf(original);
    if (cost > REST_COST) {
      yield cost;
      cost = 0;
    }
    const name = original.string(IDENTITY[kind]);
    if (!name) {
      note("hidden", `#${index + 1}`, `the definition has no ${IDENTITY[kind]}, or one that is not a text`);
      continue;
    }
    if (repairs && name.length > MAX_NAME) {
      note("hidden", name, `its ${IDENTITY[kind]} is longer than ${MAX_NAME} characters`);
      continue;
    }
    const leftOut = filter.leavesOut(name);
    if (leftOut !== undefined) {
      note("hidden", name, leftOut);
      continue;
    }
    if (seen.has(name)) {
      note("hidden", name, "the upstream lists this name twice, and the first one counts");
      continue;
    }
    seen.add(name);
    const mended = repairs ? repairs.of(kind, original) : asItIs(original);
    if (mended.kind !== "kept") note(mended.kind, name, mended.reason);
    if (mended.kind === "hidden") continue;
    const renamed = repairs && kind === "tool" ? apart(mended.definition) : undefined;
    if (renamed) note("repaired", name, renamed.reason);
    const definition = renamed?.definition ?? mended.definition;
    const { name: upstream, priority, group, fingerprint, loaded } = source;
    const native = nativeName(name);
    selected.push({ upstream, native, priority, definition, offered: original, position, group, fingerprint, loaded });
  }
  yield cost;
  for (const name of filter.named) {
    if (seen.has(name)) continue;
    note("not_offered", name, notOffered(kind, name, offered));
    yield NEAREST_COST;
  }
}

function asItIs(definition: Payload): Repair {
  const reason = malformed(definition);
  return reason === undefined ? { kind: "kept", definition } : { kind: "hidden", reason };
}

function notOffered(kind: Kind, name: string, offered: readonly Payload[]): string {
  const [guess] = nearest(
    name,
    offered.slice(0, MOST_GUESSES).map(definition => definition.string(IDENTITY[kind]) ?? ""),
  );
  const advice = guess === undefined ? "" : `; did you mean ${JSON.stringify(guess)}?`;
  return `\`${FILTER_KEYS[kind]}\` names it, and the upstream does not list it${advice}`;
}
