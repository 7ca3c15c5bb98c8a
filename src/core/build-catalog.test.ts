import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { buildCatalog, type CatalogRules, singleCatalog } from "./build-catalog.ts";
import type { Catalog, Kind, Source } from "./catalog.ts";
import { upstreamName } from "./names.ts";
import { Payload } from "./payload.ts";

type Definition = string | Record<string, unknown>;

interface Plan extends Partial<Omit<Source, "name" | "offer">> {
  readonly tool?: readonly Definition[];
  readonly prompt?: readonly Definition[];
  readonly resource?: readonly Definition[];
  readonly template?: readonly Definition[];
  readonly unseen?: boolean;
}

const toolNamed = (name: string): Record<string, unknown> => ({ name, inputSchema: { type: "object" } });

function source(name: string, { tool, prompt, resource, template, unseen, ...rest }: Plan): Source {
  const payloads = (definitions: readonly Definition[] = [], short: (text: string) => object): Payload[] =>
    definitions.map(definition => Payload.of(typeof definition === "string" ? short(definition) : definition));
  return {
    name: upstreamName(name),
    priority: 1,
    group: undefined,
    fingerprint: name,
    tools: undefined,
    ...rest,
    offer: unseen
      ? undefined
      : {
          upstream: upstreamName(name),
          capabilities: Payload.of({ tools: {}, ...(resource || template ? { resources: {} } : {}) }),
          serverInfo: undefined,
          instructions: undefined,
          definitions: {
            tool: payloads(tool, toolNamed),
            prompt: payloads(prompt, text => ({ name: text })),
            resource: payloads(resource, uri => ({ uri, name: uri })),
            template: payloads(template, text => ({ uriTemplate: text, name: text })),
          },
          pages: { tool: undefined, prompt: undefined, resource: undefined, template: undefined },
          hints: undefined,
        },
  };
}

function build(sources: readonly Source[], rules: Partial<CatalogRules> = {}): Catalog {
  return buildCatalog({ sources, strategy: "auto_prefix", naming: "auto", maxNameLength: 46, repair: true, ...rules });
}

const listed = (catalog: Catalog, kind: Kind = "tool"): string[] => catalog.entries[kind].map(entry => entry.name);
/** Where a name leads: `upstream:native`, alternatives after a bar; or why it leads nowhere. */
function leads(catalog: Catalog, name: string, kind: Kind = "tool"): string {
  const resolution = catalog.resolve(kind, name);
  if (resolution.kind === "ambiguous") return `ambiguous: ${resolution.choices.join(", ")}`;
  if (resolution.kind === "unknown") return `unknown: ${resolution.nearest.join(", ")}`;
  return resolution.entry.holders.map(holder => `${holder.upstream}:${holder.native}`).join(" | ");
}

describe("a name that one upstream offers", () => {
  it("is listed as it is, with the upstream's bytes, in configuration order", () => {
    const catalog = build([source("b", { tool: ["z", "a"] }), source("a", { tool: ["m"] })]);
    expect(listed(catalog)).toEqual(["z", "a", "m"]);
    expect(catalog.entries.tool[0]!.definition.bytes.toString()).toBe('{"name":"z","inputSchema":{"type":"object"}}');
    expect(catalog.hidden).toEqual([]);
    expect(catalog.conflicts).toEqual([]);
  });

  it("is found by its public name, by upstream:native and by upstream__native", () => {
    const catalog = build([source("gh", { tool: ["issues.list", "x:y"] })]);
    expect(listed(catalog)).toEqual(["issues_list", "x_y"]);
    for (const name of ["issues_list", "issues.list", "gh:issues.list", "gh__issues.list", "gh__issues_list"]) {
      expect(leads(catalog, name)).toBe("gh:issues.list");
    }
    expect(leads(catalog, "gh:x:y")).toBe("gh:x:y");
    expect(leads(catalog, "x:y")).toBe("gh:x:y");
  });

  it("is suggested when somebody misspells it", () => {
    const catalog = build([source("gh", { tool: ["create_issue", "list_issues", "close"] })]);
    expect(leads(catalog, "create_isue")).toBe("unknown: create_issue");
    expect(leads(catalog, "gh:create_isue")).toBe("unknown: create_issue");
    expect(leads(catalog, "__proto__")).toBe("unknown: ");
  });

  it("is listed once when the upstream lists it twice", () => {
    const catalog = build([source("a", { tool: [toolNamed("t"), { ...toolNamed("t"), description: "second" }] })]);
    expect(listed(catalog)).toEqual(["t"]);
    expect(catalog.hidden).toMatchObject([{ action: "hidden", upstream: "a", name: "t" }]);
  });

  it.each(["__proto__", "constructor", "hasOwnProperty", "toString", "valueOf"])("may be %s", name => {
    const catalog = build([source("a", { tool: [name] }), source("b", { tool: [name] })]);
    expect(leads(catalog, `a:${name}`)).toBe(`a:${name}`);
    expect(leads(catalog, name)).toMatch(/^ambiguous: a__.+, b__/);
    for (const strategy of ["reject", "priority_override"] as const) {
      expect(leads(build([source("a", { tool: [name] })], { strategy }), name)).toBe(`a:${name}`);
    }
    expect(({} as { tool?: unknown }).tool).toBeUndefined();
  });
});

describe("a name in conflict", () => {
  const sources = [
    source("a", { tool: ["x", "search"], priority: 3 }),
    source("b", { tool: ["search", "y"], priority: 2 }),
    source("c", { tool: ["search"], priority: 2 }),
  ];

  it("is listed with every holder's prefix under auto_prefix, and bare by nobody", () => {
    const catalog = build(sources);
    expect(listed(catalog)).toEqual(["x", "a__search", "b__search", "y", "c__search"]);
    expect(catalog.entries.tool[1]!.definition.string("name")).toBe("a__search");
    expect(leads(catalog, "search")).toBe("ambiguous: a__search, b__search, c__search");
    expect(leads(catalog, "c__search")).toBe("c:search");
    expect(leads(catalog, "c:search")).toBe("c:search");
    expect(catalog.conflicts).toEqual([
      {
        kind: "tool",
        name: "search",
        upstreams: ["a", "b", "c"],
        outcome: "each is listed with a prefix: a__search, b__search, c__search",
      },
    ]);
  });

  it.each([
    ["reject", "auto", "a", '"a" keeps the name: it comes first in the configuration'],
    ["priority_override", "auto", "b", '"b" keeps the name: it has the best priority'],
    ["auto_prefix", "never", "a", '"a" keeps the name: it comes first in the configuration'],
  ] as const)("is kept by one holder under %s with naming %s", (strategy, naming, winner, outcome) => {
    const catalog = build(sources, { strategy, naming });
    expect(leads(catalog, "search")).toBe(`${winner}:search`);
    expect(listed(catalog).filter(name => name.includes("search"))).toEqual(["search"]);
    expect(catalog.conflicts[0]!.outcome).toBe(outcome);
    const losers = ["a", "b", "c"].filter(name => name !== winner);
    expect(catalog.hidden.map(hidden => hidden.upstream)).toEqual(losers);
    expect(catalog.hidden[0]!.reason).toContain(`ask for ${losers[0]}:search`);
    for (const loser of losers) {
      expect(leads(catalog, `${loser}:search`)).toBe(`${loser}:search`);
      expect(leads(catalog, `${loser}__search`)).toBe(`${loser}:search`);
    }
  });

  it("does not exist when every name has a prefix", () => {
    const catalog = build(sources, { naming: "always" });
    expect(listed(catalog)).toEqual(["a__x", "a__search", "b__search", "b__y", "c__search"]);
    expect(catalog.conflicts).toEqual([]);
    expect(leads(catalog, "x")).toBe("a:x");
    expect(leads(catalog, "search")).toMatch(/^ambiguous/);
  });

  it("is decided the same way for prompts", () => {
    const catalog = build([source("a", { prompt: ["p"] }), source("b", { prompt: ["p"], tool: ["p"] })]);
    expect(listed(catalog, "prompt")).toEqual(["a__p", "b__p"]);
    expect(listed(catalog)).toEqual(["p"]);
  });

  it("keeps its names while an upstream that offers it is unreachable or unseen", () => {
    const withUnseen = build([...sources, source("d", { unseen: true })]);
    expect(listed(withUnseen)).toEqual(listed(build(sources)));
    expect(withUnseen.missing).toEqual(["d"]);
  });
});

describe("nobody can pass for another upstream", () => {
  it("by a name that begins with its prefix", () => {
    const catalog = build([
      source("evil", { tool: ["github__create", "git.hub__x"] }),
      source("github", { tool: ["create"] }),
    ]);
    expect(listed(catalog)).toEqual(["evil__github__create", "git_hub__x", "create"]);
    expect(leads(catalog, "github__create")).toBe("github:create");
    expect(catalog.conflicts[0]).toMatchObject({ name: "github__create", upstreams: ["evil"] });
  });

  it("by a name that is another's identity", () => {
    for (const unseen of [true, false]) {
      const github = source("github", unseen ? { unseen } : { tool: ["create"] });
      const catalog = build([source("evil", { tool: ["github:create"] }), github]);
      expect(leads(catalog, "github:create")).toMatch(unseen ? /^unknown/ : /^github:create$/);
      expect(leads(catalog, "evil:github:create")).toBe("evil:github:create");
    }
  });

  it("by a letter that looks alike", () => {
    const catalog = build([source("a", { tool: ["search"] }), source("b", { tool: ["\u0455earch"] })]);
    expect(listed(catalog)).toEqual(["search", "u_earch"]);
    expect(leads(catalog, "search")).toBe("a:search");
  });
});

describe("the tools of a filter", () => {
  const filtered = source("a", {
    tool: ["read", "write", "delete"],
    prompt: ["write"],
    tools: ["read", "wriet", "constructor"],
  });

  it("are the only ones, and what is left out or missing is shown", () => {
    const catalog = build([filtered]);
    expect(listed(catalog)).toEqual(["read"]);
    expect(listed(catalog, "prompt")).toEqual(["write"]);
    expect(leads(catalog, "a:write")).toMatch(/^unknown/);
    expect(catalog.hidden.map(({ action, name }) => `${action} ${name}`)).toEqual([
      "hidden write",
      "hidden delete",
      "not_offered wriet",
      "not_offered constructor",
    ]);
    expect(catalog.hidden[2]!.reason).toContain('did you mean "write"?');
  });

  it("take no part in conflicts with what was left out", () => {
    expect(listed(build([filtered, source("b", { tool: ["write"] })]))).toEqual(["read", "write"]);
  });
});

describe("a single view", () => {
  const odd = source("up", {
    tool: [{ name: "a.b/c" }, { name: "z", inputSchema: [] }, "t"],
    tools: ["a.b/c", "z"],
    resource: ["file:///one"],
  });

  it("keeps native names, bytes and order, and only filters", () => {
    const catalog = singleCatalog(odd);
    expect(listed(catalog)).toEqual(["a.b/c", "z"]);
    expect(catalog.entries.tool[1]!.definition).toBe(odd.offer!.definitions.tool[1]);
    expect(leads(catalog, "a.b/c")).toBe("up:a.b/c");
    expect(leads(catalog, "up:a.b/c")).toBe("up:a.b/c");
    expect(leads(catalog, "t")).toMatch(/^unknown/);
  });

  it("leaves it to the upstream whether it has a resource that it does not list", () => {
    expect(leads(singleCatalog(odd), "file:///other", "resource")).toBe("up:file:///other");
    expect(leads(singleCatalog(source("a", {})), "file:///other", "resource")).toMatch(/^unknown/);
  });
});

describe("a digest", () => {
  const digest = (sources: Source[]): string => build(sources).digests.tool;

  it("changes exactly when what agents see changes", () => {
    const one = source("a", { tool: ["x", "y"] });
    expect(digest([source("b", { unseen: true }), one])).toBe(digest([one, source("c", { prompt: ["x"] })]));
    expect(digest([one])).not.toBe(digest([source("a", { tool: ["y", "x"] })]));
    expect(digest([one])).not.toBe(digest([one, source("b", { tool: ["x"] })]));
  });
});

describe("any catalog", () => {
  const name = fc.oneof(
    fc.constantFrom(
      "x",
      "b__x",
      "a__b__x",
      "x.y",
      "x_y",
      "x-y",
      "1",
      "_x",
      "__proto__",
      "constructor",
      "a:x",
      "b:x",
      "é",
      "ѕ",
    ),
    fc.constantFrom("n".repeat(46), "n".repeat(47), "n".repeat(129), `${"n".repeat(46)}.`, "😀"),
    fc.string({ unit: "grapheme", minLength: 1, maxLength: 6 }),
  );
  const plan = fc.record({
    tool: fc.array(name, { maxLength: 6 }),
    priority: fc.integer({ min: 1, max: 2 }),
    group: fc.option(fc.constantFrom("a", "g"), { nil: undefined }),
    fingerprint: fc.constantFrom("f", "g", "h"),
  });
  const upstreams = fc.uniqueArray(
    fc.constantFrom(
      "a",
      "b",
      "a_b",
      "a.b",
      "A",
      "9",
      "日本",
      "a-very-long-upstream-name-1",
      "a-very-long-upstream-name-2",
    ),
    { maxLength: 5 },
  );
  const rules = fc.record({
    strategy: fc.constantFrom("auto_prefix", "reject", "priority_override"),
    naming: fc.constantFrom("auto", "always", "never"),
    maxNameLength: fc.constantFrom(24, 46, 128),
  });

  it("lists each name once, in a form that every client accepts, and finds again what it lists", () => {
    fc.assert(
      fc.property(upstreams, fc.array(plan, { minLength: 5, maxLength: 5 }), rules, (names, plans, rule) => {
        const sources = names.map((upstream, index) => source(upstream, plans[index]!));
        const catalog = build(sources, rule);
        expect(new Set(listed(catalog)).size).toBe(catalog.entries.tool.length);
        for (const entry of catalog.entries.tool) {
          expect(entry.name).toMatch(/^[A-Za-z][A-Za-z0-9_-]*$/);
          expect(entry.name.length).toBeLessThanOrEqual(rule.maxNameLength);
          expect(entry.definition.string("name")).toBe(entry.name);
          expect(catalog.resolve("tool", entry.name)).toEqual({ kind: "found", entry });
        }
        // Nothing vanishes: each offered tool is listed, or hidden with a reason.
        for (const { name: upstream, offer } of sources) {
          for (const definition of offer!.definitions.tool) {
            const native = definition.string("name")!;
            const shown = catalog.entries.tool.some(entry =>
              entry.holders.some(holder => holder.upstream === upstream && holder.native === native),
            );
            expect(shown || catalog.hidden.some(h => h.upstream === upstream && h.name === native && h.reason)).toBe(
              true,
            );
            expect(leads(catalog, `${upstream}:${native}`)).toBe(`${upstream}:${native}`);
          }
        }
        expect(listed(build(sources, rule))).toEqual(listed(catalog));
      }),
      { numRuns: 400 },
    );
  });
});
