import { describe, expect, it } from "vitest";
import { singleCatalog } from "./build-catalog.ts";
import { build, leads, listed, source, toolNamed } from "./catalog.fixture.ts";
import { finish } from "./steps.ts";

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
        advice: expect.stringContaining('write the same group = "…"'),
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

describe("replicas", () => {
  const twin = { tool: ["t"], prompt: ["p"], resource: ["x:r"], fingerprint: "same" };

  it("share one entry, each can be asked for alone, and they are shown", () => {
    const catalog = build([source("a", { ...twin, priority: 2 }), source("b", twin), source("c", { tool: ["u"] })]);
    expect(listed(catalog)).toEqual(["t", "u"]);
    expect(leads(catalog, "t")).toBe("b:t | a:t");
    expect(leads(catalog, "a:t")).toBe("a:t");
    expect(leads(catalog, "b__t")).toBe("b:t");
    expect(leads(catalog, "p", "prompt")).toBe("b:p | a:p");
    expect(leads(catalog, "x:r", "resource")).toBe("b:x:r | a:x:r");
    const because = "equal";
    expect(catalog.replicas).toEqual([
      { kind: "tool", name: "t", upstreams: ["b", "a"], because },
      { kind: "prompt", name: "p", upstreams: ["b", "a"], because },
      { kind: "resource", name: "x:r", upstreams: ["b", "a"], because },
    ]);
    expect(catalog.conflicts).toEqual([]);
  });

  it("of one group show the best member's definition, and call only members that have the tool", () => {
    const described = (description: string) => ({ ...toolNamed("t"), description });
    const catalog = build([
      source("a", { group: "g", priority: 2, tool: [described("old"), "gone"] }),
      source("b", { group: "g", priority: 1, tool: [described("new")] }),
    ]);
    expect(catalog.entries.tool[0]!.definition.string("description")).toBe("new");
    expect(leads(catalog, "t")).toBe("b:t | a:t");
    expect(leads(catalog, "gone")).toBe("a:gone");
    expect(leads(catalog, "b:gone")).toMatch(/^unknown/);
  });

  it("in conflict with somebody are listed once, under the prefix of their group or first upstream", () => {
    const other = source("c", { tool: ["t"] });
    expect(listed(build([source("a", twin), source("b", twin), other]))).toEqual(["a__t", "c__t"]);
    const grouped = { tool: ["t"], group: "g" };
    const catalog = build([source("a", grouped), source("b", grouped), other]);
    expect(listed(catalog)).toEqual(["g__t", "c__t"]);
    expect(leads(catalog, "g__t")).toBe("a:t | b:t");
    expect(leads(catalog, "b:t")).toBe("b:t");
  });
});

describe("resources", () => {
  it("are never renamed: on a collision the better priority owns the URI, and the other is shown", () => {
    const catalog = build(
      [
        source("a", { resource: ["x:1", "x:2"], priority: 2 }),
        source("b", { resource: ["x:1"] }),
        source("c", { resource: ["x:1"], priority: 2 }),
      ],
      { naming: "always" },
    );
    expect(catalog.entries.resource.map(entry => leads(catalog, entry.name, "resource"))).toEqual(["a:x:2", "b:x:1"]);
    expect(catalog.hidden.map(hidden => `${hidden.upstream} ${hidden.name}`)).toEqual(["a x:1", "c x:1"]);
    expect(leads(catalog, "c:x:1", "resource")).toBe("c:x:1");
  });

  it("are found by URI or template, of one upstream the most literal, then by upstream:URI", () => {
    const catalog = build([
      source("x", { resource: ["x:1"], template: ["x:{+any}", "x:items/{id}"] }),
      source("y", { resource: ["y:x:1"], template: ["x:items/special/{id}", "x:{+any}"] }),
    ]);
    const where = (uri: string) => leads(catalog, uri, "resource");
    expect(where("x:1")).toBe("x:x:1");
    expect(where("y:x:1")).toBe("y:y:x:1");
    expect(where("x:items/7")).toBe("x:x:items/7");
    expect(where("x:items/special/7")).toBe("x:x:items/special/7");
    expect(where("x:else")).toBe("x:x:else");
    expect(where("y:x:items/special/8")).toBe("y:x:items/special/8");
    expect(where("z:nothing")).toMatch(/^unknown/);
    expect(catalog.resolve("resource", "x:items/7")).toMatchObject({ entry: { kind: "resource", name: "x:items/7" } });
  });

  it("have templates that are found by their text", () => {
    const catalog = build([source("a", { template: ["x:{id}"] })]);
    expect(leads(catalog, "x:{id}", "template")).toBe("a:x:{id}");
    expect(leads(catalog, "a:x:{id}", "template")).toBe("a:x:{id}");
    expect(leads(catalog, "x:1", "template")).toMatch(/^unknown/);
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

  it.each(["GitHub__create", "g\u0456thub__create", "github\u200b__create", "g1thub__create", "\uff47ithub__create"])(
    "by a name that begins with what looks like its prefix: %s",
    name => {
      const catalog = build([source("evil", { tool: [name] }), source("github", { tool: ["create"] })]);
      expect(listed(catalog)[0]).toMatch(/^evil__.+__create/);
      expect(catalog.conflicts).toMatchObject([{ name, upstreams: ["evil"] }]);
    },
  );

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

describe("a single view", () => {
  const odd = source("up", {
    tool: [{ name: "a.b/c" }, { name: "z", inputSchema: [] }, "t"],
    filters: { tool: ["a.b/c", "z"] },
    resource: ["file:///one"],
  });

  it("keeps native names, bytes and order, and only filters", () => {
    const catalog = finish(singleCatalog(odd));
    expect(listed(catalog)).toEqual(["a.b/c", "z"]);
    expect(catalog.entries.tool[1]!.definition).toBe(odd.offer!.definitions.tool[1]);
    expect(leads(catalog, "a.b/c")).toBe("up:a.b/c");
    expect(leads(catalog, "up:a.b/c")).toBe("up:a.b/c");
    expect(leads(catalog, "t")).toMatch(/^unknown/);
  });

  it("leaves it to the upstream whether it has a resource that it does not list", () => {
    expect(leads(finish(singleCatalog(odd)), "file:///other", "resource")).toBe("up:file:///other");
    expect(leads(finish(singleCatalog(source("a", {}))), "file:///other", "resource")).toMatch(/^unknown/);
  });
});

describe("a digest", () => {
  const digest = (sources: Parameters<typeof build>[0]): string => build(sources).digests.tool;

  it("changes exactly when what agents see changes", () => {
    const one = source("a", { tool: ["x", "y"] });
    expect(digest([source("b", { unseen: true }), one])).toBe(digest([one, source("c", { prompt: ["x"] })]));
    expect(digest([one])).not.toBe(digest([source("a", { tool: ["y", "x"] })]));
    expect(digest([one])).not.toBe(digest([one, source("b", { tool: ["x"] })]));
  });
});
