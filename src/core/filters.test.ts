import { describe, expect, it } from "vitest";
import { singleCatalog } from "./build-catalog.ts";
import { build, leads, listed, source } from "./catalog.fixture.ts";
import { KINDS, type Source } from "./catalog.ts";
import { allowsUnlisted, filterOf } from "./filters.ts";
import { finish } from "./steps.ts";

describe("the tools of a filter", () => {
  const filtered = source("a", {
    tool: ["read", "write", "delete"],
    prompt: ["write"],
    filters: { tool: ["read", "wriet", "constructor"] },
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

describe("the filters of prompts, resources and templates", () => {
  const offers = {
    tool: ["t"],
    prompt: ["ask", "tell"],
    resource: ["x://a", "x://b"],
    template: ["x://{id}", "y://{id}", "y://{id}/{part}"],
  };
  const reasons = (catalog: ReturnType<typeof build>) =>
    Object.fromEntries(catalog.hidden.map(({ name, reason }) => [name, reason]));
  const both = (filters: Source["filters"]) => [
    build([source("a", { ...offers, filters })]),
    finish(singleCatalog(source("a", { ...offers, filters }))),
  ];

  it("leave out the prompts that they do not name", () => {
    for (const catalog of both({ prompt: ["ask", "asks"] })) {
      expect(listed(catalog, "prompt")).toEqual(["ask"]);
      for (const name of ["tell", "a:tell"]) expect(leads(catalog, name, "prompt")).toMatch(/^unknown/);
      expect(reasons(catalog)).toMatchObject({
        tell: "not in `prompts`",
        asks: expect.stringContaining('did you mean "ask"?'),
      });
      expect([listed(catalog), listed(catalog, "resource"), listed(catalog, "template")]).toEqual([
        offers.tool,
        offers.resource,
        offers.template,
      ]);
    }
  });

  it("leave out resources, and templates that reach them unless they are named", () => {
    for (const catalog of both({ resource: ["x://a"] })) {
      expect(listed(catalog, "resource")).toEqual(["x://a"]);
      expect(listed(catalog, "template")).toEqual(["y://{id}", "y://{id}/{part}"]);
      for (const uri of ["x://b", "a:x://b", "x://%62", "x://c", "z://1"]) {
        expect(leads(catalog, uri, "resource"), uri).toMatch(/^unknown/);
      }
      expect(leads(catalog, "y://1", "resource")).toBe("a:y://1");
      expect(leads(catalog, "x://{id}", "template")).toMatch(/^unknown/);
      expect(reasons(catalog)["x://{id}"]).toMatch(/^it reaches "x:\/\/b", which .* name it in `templates`/);
      expect(catalog.hidden.map(({ action, name }) => `${action} ${name}`)).toEqual([
        "hidden x://b",
        "hidden x://{id}",
      ]);
    }
    for (const catalog of both({ resource: ["x://a"], template: ["x://{id}"] })) {
      expect(listed(catalog, "template")).toEqual(["x://{id}"]);
      expect(leads(catalog, "x://b", "resource")).toBe("a:x://b");
      expect(leads(catalog, "y://1", "resource")).toMatch(/^unknown/);
    }
  });

  it("leave out templates, and what only they reach", () => {
    for (const catalog of both({ template: ["y://{id}"] })) {
      expect(listed(catalog, "template")).toEqual(["y://{id}"]);
      expect(leads(catalog, "y://1", "resource")).toBe("a:y://1");
      for (const uri of ["y://1/2", "a:y://1/2", "x://c"]) expect(leads(catalog, uri, "resource")).toMatch(/^unknown/);
      expect(leads(catalog, "x://a", "resource")).toBe("a:x://a");
    }
  });

  it("let a resource that they name be read though it is in no list, where there is no doubt whom to ask", () => {
    const [, single] = both({ resource: ["x://unlisted"] });
    expect(leads(single!, "x://unlisted", "resource")).toBe("a:x://unlisted");
    expect(leads(single!, "x://other", "resource")).toMatch(/^unknown/);
  });

  it("keep a template that reaches nothing but what they name", () => {
    for (const catalog of both({ resource: offers.resource })) {
      expect([listed(catalog, "template"), listed(catalog, "prompt")]).toEqual([offers.template, offers.prompt]);
    }
  });

  it("leave out a template of which nobody can say in time what it reaches", () => {
    const template = [`x://${"{+a}".repeat(400)}Q{b}/!`, "z://{id}"];
    const resource = Array.from({ length: 5 }, (_, at) => `x://${at}${"y".repeat(4_000)}/!`);
    const catalog = build([source("a", { template, resource, filters: { resource } })]);
    expect(listed(catalog, "template")).toEqual(template);
    const left = build([source("a", { template, resource, filters: { resource: [] } })]);
    expect(listed(left, "template")).toEqual([]);
    expect(left.hidden.find(({ kind }) => kind === "template")?.reason).toContain("may reach");
  });

  it("of resources leave no prompt and no tool out, whatever its name", () => {
    const { offer } = source("a", offers);
    for (const kind of ["tool", "prompt"] as const) {
      expect(filterOf(kind, { filters: { resource: [] }, offer }).leavesOut("x://{id}")).toBeUndefined();
    }
  });

  it("keep every template of an upstream of which nothing is known, or whose resources have no URI", () => {
    const filters = { resource: ["x://a"] };
    expect(filterOf("template", { filters, offer: undefined }).leavesOut("x://{id}")).toBeUndefined();
    const { offer } = source("a", { resource: [{ name: "nameless" }, "x://a"] });
    expect(filterOf("template", { filters, offer }).leavesOut("{+all}")).toBeUndefined();
  });

  it("say which URIs may be read that are in no list", () => {
    const answers = [{}, { template: [] }, { resource: ["x"] }, { resource: ["y"] }, { resource: ["x"], template: [] }];
    expect(answers.map(filters => allowsUnlisted(filters, "x"))).toEqual([true, false, true, false, true]);
  });

  it("leave nothing where they name nothing", () => {
    for (const catalog of both({ tool: [], prompt: [], resource: [], template: [] })) {
      for (const kind of KINDS) expect(listed(catalog, kind)).toEqual([]);
      for (const uri of ["x://a", "x://9", "a:x://a"]) expect(leads(catalog, uri, "resource")).toMatch(/^unknown/);
    }
  });
});
