import { describe, expect, it } from "vitest";
import { definitionDigest } from "./definition-digest.ts";
import { loadedOffer } from "./loaded-offer.ts";
import { nativeName, upstreamName } from "./names.ts";
import { Payload } from "./payload.ts";
import { byRank, type Candidate, replicaSets } from "./replicas.ts";

const DEFINITION = '{"name":"t","description":"d","inputSchema":{"type":"object","properties":{"a":{},"b":{}}}}';

function candidate(
  upstream: string,
  facts: Partial<Omit<Candidate, "upstream" | "definition" | "offered" | "loaded">> & {
    /** What it offers now, what it offered when the configuration was loaded, and what else it did then. */
    text?: string;
    before?: string | undefined;
    beside?: Readonly<Record<string, string>>;
    unread?: boolean;
  } = {},
): Candidate {
  const {
    text = DEFINITION,
    before = "before" in facts ? undefined : text,
    beside = {},
    unread = false,
    ...rest
  } = facts;
  const definition = Payload.parse(text);
  const all = Object.entries({ ...(before !== undefined && { t: before }), ...beside });
  const tool = new Map(all.map(([name, each]) => [name, definitionDigest(Payload.parse(each))]));
  const loaded = loadedOffer({ ...(unread ? {} : { tool }), prompt: new Map() });
  const position = upstream.charCodeAt(0);
  const native = nativeName("t");
  return {
    upstream: upstreamName(upstream),
    native,
    priority: 1,
    position,
    group: undefined,
    fingerprint: "same",
    definition,
    ...{ offered: definition, loaded },
    ...rest,
  };
}

const sets = (...candidates: Candidate[]): string[] =>
  replicaSets("tool", candidates).map(
    set => `${set.because} ${set.owner}: ${set.holders.map(holder => holder.upstream).join(" ")}`,
  );

describe("replicas", () => {
  it("are upstreams of equal configuration whose definitions are equal, whatever the order of their keys", () => {
    const reordered = '{"inputSchema":{"properties":{"b":{},"a":{}},"type":"object"},"name":"t","description":"d"}';
    expect(sets(candidate("a"), candidate("b", { text: reordered }))).toEqual(["equal a: a b"]);
  });

  it.each([
    DEFINITION.replace('"d"', '"e"'),
    DEFINITION.replace('"b":{}', '"c":{}'),
    DEFINITION.replace("{", '{"annotations":{"readOnlyHint":true},'),
    DEFINITION.replace("{", '{"outputSchema":{"type":"object"},'),
    DEFINITION.replace("{", '{"title":"T",'),
    DEFINITION.replace("{", '{"_meta":{"x":1},'),
    DEFINITION.replace("{", '{"icons":[],'),
  ])("are not inferred from definitions that differ: %s", text => {
    expect(sets(candidate("a"), candidate("b", { text }))).toEqual(["alone a: a", "alone b: b"]);
  });

  it("are not inferred from configurations that differ", () => {
    expect(sets(candidate("a"), candidate("b", { fingerprint: "other" }))).toEqual(["alone a: a", "alone b: b"]);
  });

  it("are the members of one group, also while their definitions differ", () => {
    const older = DEFINITION.replace('"d"', '"older"');
    expect(sets(candidate("a", { group: "g", fingerprint: "1" }), candidate("b", { group: "g", text: older }))).toEqual(
      ["group g: a b"],
    );
  });

  it("are never in different groups, nor one in a group and one in none", () => {
    expect(
      sets(candidate("a", { group: "g" }), candidate("b", { group: "h" }), candidate("c"), candidate("d")),
    ).toEqual(["alone g: a", "alone h: b", "equal c: c d"]);
  });

  it("have nobody who departed while nobody has changed, whoever they are", () => {
    for (const group of [undefined, "g"]) {
      for (const members of [[candidate("a", { group })], [candidate("a", { group }), candidate("b", { group })]]) {
        const [set] = replicaSets("tool", members);
        expect(set?.departed).toEqual([]);
        expect(set?.first.upstream).toBe("a");
        expect(set?.holders).toHaveLength(members.length);
      }
    }
    expect(sets(candidate("a"))).toEqual(["alone a: a"]);
    expect(sets(candidate("a", { group: "g" }))).toEqual(["alone g: a"]);
  });

  it("rank by priority and then by configuration order, in whatever order they come", () => {
    const all = [candidate("d"), candidate("b"), candidate("a", { priority: 2 }), candidate("c"), candidate("e")];
    expect(all.sort(byRank).map(({ upstream }) => upstream)).toEqual(["b", "c", "d", "e", "a"]);
  });

  it("stand best priority first, then in configuration order, and in lists where the first stands", () => {
    const [set] = replicaSets("tool", [
      candidate("a", { priority: 2 }),
      candidate("b"),
      candidate("c"),
      candidate("d", { priority: 2 }),
    ]);
    expect(set!.holders.map(holder => holder.upstream)).toEqual(["b", "c", "a", "d"]);
    expect(set!.first.upstream).toBe("a");
  });
});

describe("a replica that nobody declared", () => {
  const copied = { before: DEFINITION.replace('"d"', '"mine"') };
  const [none, other] = [
    { before: undefined, beside: { u: '{"name":"u"}' } },
    { u: '{"name":"u","description":"other"}' },
  ];

  it("is nobody who has become equal since the configuration was loaded", () => {
    expect(sets(candidate("a"), candidate("b", copied))).toEqual(["alone a: a", "alone b: b"]);
    expect(sets(candidate("a"), candidate("b", { before: undefined }))).toEqual(["alone a: a", "alone b: b"]);
    expect(sets(candidate("a"), candidate("b", { ...none, beside: other }))).toEqual(["alone a: a", "alone b: b"]);
    expect(sets(candidate("a", copied), candidate("b"), candidate("c", copied))).toEqual([
      "equal a: a c",
      "alone b: b",
    ]);
  });

  it("is nobody of whose lists nothing was known then", () => {
    expect(sets(candidate("a"), { ...candidate("b"), loaded: undefined })).toEqual(["alone a: a", "alone b: b"]);
    expect(sets(candidate("a", { unread: true }), candidate("b", { unread: true }))).toEqual([
      "alone a: a",
      "alone b: b",
    ]);
  });

  it("may come to offer more, together with one that offered exactly the same", () => {
    expect(sets(candidate("a", none), candidate("b", none))).toEqual(["equal a: a b"]);
    expect(sets(candidate("a", none), candidate("b", { ...none, beside: other }))).toEqual([
      "alone a: a",
      "alone b: b",
    ]);
  });

  it("need not offer the same beside it", () => {
    expect(sets(candidate("a", { beside: other }), candidate("b"))).toEqual(["equal a: a b"]);
  });

  it("is none by having offered nothing", () => {
    const empty = { before: undefined };
    expect(sets(candidate("a", empty), candidate("b", empty))).toEqual(["alone a: a", "alone b: b"]);
  });

  it("leaves its set when it changes, which keeps its name and its other members", () => {
    const strays = { before: DEFINITION, text: DEFINITION.replace('"d"', '"e"') };
    const [set, ...others] = replicaSets("tool", [candidate("a", strays), candidate("b"), candidate("c")]);
    expect(others).toEqual([]);
    expect(set).toMatchObject({ owner: "a", because: "equal" });
    expect(set?.holders.map(({ upstream }) => upstream)).toEqual(["b", "c"]);
    expect(set?.departed.map(({ upstream }) => upstream)).toEqual(["a"]);
  });

  it("keeps the name when it changes and has the better priority", () => {
    const strays = { before: DEFINITION, text: DEFINITION.replace('"d"', '"e"') };
    const [set] = replicaSets("tool", [candidate("a", { priority: 2 }), candidate("b", strays)]);
    expect(set?.holders.map(({ upstream }) => upstream)).toEqual(["b"]);
    expect(set?.departed.map(({ upstream }) => upstream)).toEqual(["a"]);
  });

  it("is one again when all have changed alike", () => {
    const both = { before: DEFINITION, text: DEFINITION.replace('"d"', '"e"') };
    expect(sets(candidate("a", both), candidate("b", both))).toEqual(["equal a: a b"]);
  });
});
