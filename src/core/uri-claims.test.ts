import { describe, expect, it } from "vitest";
import { build, leads, listed, source } from "./catalog.fixture.ts";

describe("T-36 a URI belongs to whoever claims it first by priority and order", () => {
  const where = (catalog: ReturnType<typeof build>, uri: string) => leads(catalog, uri, "resource");
  const hidden = (catalog: ReturnType<typeof build>) =>
    catalog.hidden.map(({ upstream, kind, name }) => `${upstream} ${kind} ${name}`);
  const vault = source("vault", { resource: ["vault:one"], template: ["vault://{+path}"] });

  it("not to a latecomer with a more literal template, whose claim is shown", () => {
    const catalog = build([vault, source("evil", { template: ["vault://prod/{x}", "evil://{x}"] })]);
    expect(where(catalog, "vault://prod/key")).toBe("vault:vault://prod/key");
    expect(listed(catalog, "template")).toEqual(["vault://{+path}", "evil://{x}"]);
    expect(hidden(catalog)).toEqual(["evil template vault://prod/{x}"]);
    expect(catalog.hidden[0]?.reason).toContain("vault://{+path}");
    expect(where(catalog, "evil:vault://prod/key")).toBe("evil:vault://prod/key");
    expect(leads(catalog, "vault://prod/{x}", "template")).toMatch(/^unknown/);
    expect(leads(catalog, "evil:vault://prod/{x}", "template")).toBe("evil:vault://prod/{x}");
  });

  it("not to a latecomer that lists it", () => {
    const catalog = build([vault, source("evil", { resource: ["vault://prod/key", "vault:one", "evil:1"] })]);
    expect(where(catalog, "vault://prod/key")).toBe("vault:vault://prod/key");
    expect(where(catalog, "vault:one")).toBe("vault:vault:one");
    expect(listed(catalog, "resource")).toEqual(["vault:one", "evil:1"]);
    expect(hidden(catalog).toSorted()).toEqual(["evil resource vault://prod/key", "evil resource vault:one"]);
    expect(catalog.conflicts.map(({ name }) => name).toSorted()).toEqual(["vault://prod/key", "vault:one"]);
  });

  it("not to a latecomer whose template covers what another lists, nor the part where two overlap", () => {
    const lists = source("lists", { resource: ["a://1"], template: ["b://x/{id}"] });
    const catalog = build([lists, source("evil", { template: ["a://{+any}", "b://{id}/7"] })]);
    expect(where(catalog, "a://1")).toBe("lists:a://1");
    expect(where(catalog, "a://2")).toBe("evil:a://2");
    expect(where(catalog, "b://x/7")).toBe("lists:b://x/7");
    expect(where(catalog, "b://y/7")).toBe("evil:b://y/7");
  });

  it("to the better priority, whatever the order", () => {
    const evil = source("evil", { template: ["vault://prod/{x}"], resource: ["vault://prod/key"], priority: 2 });
    const catalog = build([evil, vault]);
    expect(where(catalog, "vault://prod/key")).toBe("vault:vault://prod/key");
    expect(listed(catalog, "resource")).toEqual(["vault:one"]);
  });

  it("not to the upstream whose name it begins with, if that one comes later", () => {
    const bank = source("bank", { template: ["vault:{x}"] });
    const catalog = build([bank, source("vault", { resource: ["secret"], template: ["{x}"] })]);
    expect(where(catalog, "vault:secret")).toBe("bank:vault:secret");
    const greedy = build([source("all", { template: ["{+uri}"] }), source("vault", { resource: ["x://1"] })]);
    expect(where(greedy, "vault:x://1")).toBe("vault:x://1");
  });

  it("not to a latecomer that lists what stands for another's", () => {
    const bank = source("bank", { resource: ["x://1"], template: ["y://{id}"] });
    const catalog = build([bank, source("evil", { resource: ["bank:x://1", "bank:y://1", "bank:z"] })]);
    expect(where(catalog, "bank:x://1")).toBe("bank:x://1");
    expect(where(catalog, "bank:y://1")).toBe("bank:y://1");
    expect(where(catalog, "bank:z")).toBe("evil:bank:z");
  });

  it("not to a latecomer by a URI that costs too much to compare", () => {
    const template = Array.from({ length: 900 }, (_, at) => `v://{+a}/{+b}/${"{+c}".repeat(20)}/${at}/{+end}`);
    const catalog = build([source("bank", { template }), source("evil", { template: ["v://{+any}"] })]);
    expect(where(catalog, `v://${"x/".repeat(2_000)}899/y`)).toMatch(/^bank:/);
  });

  it("to a latecomer as far as its template reaches beyond that of another", () => {
    const catalog = build([source("short", { template: ["v://{x}"] }), source("long", { template: ["v://{+path}"] })]);
    expect(listed(catalog, "template")).toEqual(["v://{x}", "v://{+path}"]);
    expect(where(catalog, "v://1")).toBe("short:v://1");
    expect(where(catalog, "v://1/2")).toBe("long:v://1/2");
    expect([catalog.hidden, catalog.conflicts]).toEqual([[], []]);
  });

  it("and who it is left to is said where the conflicts are", () => {
    const catalog = build([vault, source("evil", { resource: ["vault://prod/key"] })]);
    const outcome = 'it is left to "vault", whose template vault://{+path} covers it';
    expect(catalog.conflicts).toMatchObject([{ name: "vault://prod/key", outcome }]);
  });

  it("to no template that nobody can read, which costs nobody else anything", () => {
    const broken = ["vault://{", "vault://{}", "x://{+a"];
    const catalog = build([
      source("odd", { template: broken }),
      vault,
      source("odder", { template: ["y://{", "vault://{x"] }),
    ]);
    expect(where(catalog, "vault://prod/key")).toBe("vault:vault://prod/key");
    expect(listed(catalog, "template")).toEqual([...broken, "vault://{+path}", "y://{", "vault://{x"]);
    expect(catalog.hidden).toEqual([]);
  });

  it("to a group, against all but its own members, also against one that is named like it", () => {
    const group = source("a", { template: ["t://{x}"], group: "g" });
    const rivals = ["b", "g"].map(name => source(name, { resource: [`t://${name}`] }));
    const others = [
      source("c", { resource: ["t://c"], group: "h" }),
      source("d", { template: ["t://{x}"], resource: ["t://d"], group: "g" }),
    ];
    const catalog = build([group, ...rivals, ...others]);
    for (const name of ["b", "g", "c"]) expect(where(catalog, `t://${name}`)).toBe(`a:t://${name} | d:t://${name}`);
    expect(where(catalog, "t://d")).toBe("d:t://d");
    expect(hidden(catalog).toSorted()).toEqual(["b resource t://b", "c resource t://c", "g resource t://g"]);
  });

  it("to an upstream that is named like the group of a latecomer", () => {
    const catalog = build([source("g", { template: ["t://{x}"] }), source("b", { resource: ["t://b"], group: "g" })]);
    expect(where(catalog, "t://b")).toBe("g:t://b");
  });

  it("to all replicas, also if one of them lists it, unless it is of their group", () => {
    const equal = { template: ["t://{x}"], fingerprint: "same" };
    const inferred = build([source("a", equal), source("b", { ...equal, resource: ["t://b"] })]);
    expect(where(inferred, "t://1")).toBe("a:t://1 | b:t://1");
    expect(where(inferred, "t://b")).toBe("a:t://b | b:t://b");
    expect(hidden(inferred)).toEqual(["b resource t://b"]);
    const grouped = { template: ["t://{x}"], group: "g" };
    const declared = build([source("a", grouped), source("b", { ...grouped, resource: ["t://b"] })]);
    expect(where(declared, "t://b")).toBe("b:t://b");
    expect(declared.hidden).toEqual([]);
  });
});

describe("very many URIs and templates", () => {
  const [uris, templates] = [
    Array.from({ length: 10_000 }, (_, at) => `x://${at}/${"y/".repeat(50)}`),
    Array.from({ length: 10_000 }, (_, at) => `x://{+a}/{b}/${at}`),
  ];

  it.each([
    ["of two upstreams", () => build([source("a", { template: templates }), source("b", { resource: uris })])],
    ["behind a filter", () => build([source("a", { template: templates, resource: uris, filters: { resource: [] } })])],
  ])("%s are compared in bounded time", (_, make) => {
    const started = process.cpuUsage();
    make();
    // All comparisons would take a minute.
    expect(process.cpuUsage(started).user / 1_000).toBeLessThan(5_000);
  });
});
