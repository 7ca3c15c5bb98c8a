import { describe, expect, it } from "vitest";
import { nativeName, upstreamName } from "./names.ts";
import { Payload } from "./payload.ts";
import { type Candidate, canonicalDefinition, replicaSets } from "./replicas.ts";

const DEFINITION = '{"name":"t","description":"d","inputSchema":{"type":"object","properties":{"a":{},"b":{}}}}';

function candidate(
  upstream: string,
  facts: Partial<Omit<Candidate, "upstream" | "definition">> & { text?: string } = {},
): Candidate {
  const { text = DEFINITION, ...rest } = facts;
  const definition = Payload.parse(text);
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

  it("may differ in what is not compared", () => {
    const titled = DEFINITION.replace("{", '{"title":"T","_meta":{"x":1},');
    expect(sets(candidate("a"), candidate("b", { text: titled }))).toEqual(["equal a: a b"]);
  });

  it.each([
    DEFINITION.replace('"d"', '"e"'),
    DEFINITION.replace('"b":{}', '"c":{}'),
    DEFINITION.replace("{", '{"annotations":{"readOnlyHint":true},'),
    DEFINITION.replace("{", '{"outputSchema":{"type":"object"},'),
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

describe("a canonical definition", () => {
  const text = (definition: string): string => canonicalDefinition("tool", Payload.parse(definition));

  it("tells an absent member from one that is null", () => {
    expect(text('{"name":"t"}')).not.toBe(text('{"name":"t","description":null}'));
  });

  it("survives hostile keys", () => {
    const hostile = '{"name":"t","inputSchema":{"__proto__":{"polluted":1},"constructor":1}}';
    expect(text(hostile)).toContain('{"__proto__":{"polluted":1},"constructor":1}');
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  });
});
