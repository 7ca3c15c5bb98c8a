import { describe, expect, it } from "vitest";
import { source } from "../core/catalog.fixture.ts";
import type { Offer } from "../core/catalog.ts";
import { Payload } from "../core/payload.ts";
import { listHint, type Part, profileHint } from "./freshness.ts";
import { mergedProfile, singleProfile } from "./profiles.ts";

type Hints = Partial<Offer["hints"]>;
function part(
  capabilities: object,
  {
    condition = "up",
    hints = {},
    instructions,
  }: { condition?: Part["condition"]; hints?: Hints; instructions?: string | undefined } = {},
) {
  const { offer } = source("a", {});
  if (!offer) throw new Error("no offer");
  return {
    name: "a",
    condition,
    offer: { ...offer, capabilities: Payload.of(capabilities), instructions, hints: { ...offer.hints, ...hints } },
  };
}

const LIVE = { tools: { listChanged: true } };
const UNSEEN = { name: "u", offer: undefined, condition: "down" } as const;

describe("how long a list may be kept", () => {
  const shared = { ttlMs: 300, cacheScope: "public" } as const;

  it("is what the upstream says, up or down", () => {
    expect(listHint([part(LIVE, { hints: { tool: shared } })], "tool")).toEqual(shared);
    expect(listHint([part(LIVE, { hints: { tool: shared }, condition: "down" })], "tool")).toEqual(shared);
  });

  it.each<[string, Part, number]>([
    ["a minute where changes are heard of", part(LIVE), 60_000],
    ["nothing where the upstream is down", part(LIVE, { condition: "down" }), 0],
    ["nothing where it may be down", part(LIVE, { condition: "suspect" }), 0],
    ["nothing where it does not tell", part({ tools: {} }), 0],
    ["nothing where it was never seen", UNSEEN, 0],
    ["nothing where nobody has such a list", part({ prompts: {} }), 0],
  ])("is else %s", (_, upstream, ttlMs) => {
    expect(listHint([upstream], "tool")).toEqual({ ttlMs, cacheScope: "private" });
  });

  it("does not depend on upstreams that have no such list", () => {
    expect(listHint([part(LIVE, { hints: { tool: shared } }), part({ prompts: {} })], "tool")).toEqual(shared);
  });

  it("is for what servers say of themselves the same, but that it changes only with the connection", () => {
    expect(profileHint([part({}, { hints: { profile: shared } })])).toEqual(shared);
    expect(profileHint([part({})])).toEqual({ ttlMs: 60_000, cacheScope: "private" });
    expect(profileHint([part({}, { condition: "down" })])).toEqual({ ttlMs: 0, cacheScope: "private" });
    expect(profileHint([part({}), UNSEEN])).toEqual({ ttlMs: 0, cacheScope: "private" });
  });
});

describe("the profile of all", () => {
  const extensionsOf = (...each: object[]): unknown =>
    mergedProfile(
      each.map(extensions => part({ extensions })),
      "1",
    ).capabilities.value().extensions;

  it("promises tasks and apps when anybody has them, and others only while it is clear whose they are", () => {
    const [tasks, apps] = ["io.modelcontextprotocol/tasks", "io.modelcontextprotocol/ui"];
    expect(extensionsOf({})).toBeUndefined();
    expect(
      extensionsOf({ [tasks]: {}, "x/one": { a: 1 } }, { [tasks]: {}, [apps]: {}, "x/two": {} }, { "x/two": {} }),
    ).toEqual({
      [tasks]: {},
      [apps]: {},
      "x/one": { a: 1 },
    });
  });
});

describe("the instructions of all", () => {
  const composed = (...texts: (string | undefined)[]): string | undefined =>
    mergedProfile(
      texts.map(instructions => part({}, { instructions })),
      "1",
    ).instructions;

  it("are each upstream's under its name, where it has any", () => {
    expect(composed(undefined)).toBeUndefined();
    expect(composed("Be brief.\n", undefined, "Ask first.")).toBe("# a\nBe brief.\n\n# a\nAsk first.");
  });

  it.each([2, 40, 400, 3_000])(
    "are no longer than clients read, with something of each while there is room (%i)",
    many => {
      const text = composed(...Array.from({ length: many }, () => "x".repeat(3_000))) ?? "";
      expect(text.length).toBeLessThanOrEqual(2_048);
      expect(text.match(/^# a$/gm)?.length).toBeGreaterThanOrEqual(Math.min(many, 50));
    },
  );
});

describe("the profile of one", () => {
  it("is its own, without what revisions before could not pass on", () => {
    const { capabilities } = singleProfile(part({ tools: {}, tasks: {}, extensions: { "x/y": { a: 1 } } }), "1");
    expect(capabilities.value()).toEqual({ tools: {}, extensions: { "x/y": { a: 1 } } });
  });
});
