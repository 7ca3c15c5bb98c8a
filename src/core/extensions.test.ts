import { describe, expect, it } from "vitest";
import { source } from "./catalog.fixture.ts";
import type { Offer } from "./catalog.ts";
import { methodOwner, ownsMethod, withoutTasks } from "./extensions.ts";
import { Payload } from "./payload.ts";

function offer(name: string, capabilities: object): Offer {
  const made = source(name, {}).offer;
  if (!made) throw new Error("no offer");
  return { ...made, capabilities: Payload.of(capabilities) };
}

describe("an extension's methods", () => {
  it.each([
    ["com.example/search", "com.example/search/run", true],
    ["com.example/search", "search/run", true],
    ["search", "search/run", true],
    ["com.example/search", "searching/run", false],
    ["com.example/search", "search", false],
    ["com.example/", "/run", false],
    ["com.example/search", "com.example/other", false],
  ])("%s and %s: %s", (extension, method, owned) => {
    expect(ownsMethod(extension, method)).toBe(owned);
  });

  it("belong to the one upstream that declares it, in either way", () => {
    const plain = offer("a", { tools: {} });
    const search = offer("b", { extensions: { "com.example/search": {} } });
    const draft = offer("c", { experimental: { draft: {} } });
    expect(methodOwner([plain, search, draft], "search/run")).toBe("b");
    expect(methodOwner([plain, search, draft], "draft/run")).toBe("c");
    expect(methodOwner([plain, search, draft], "other/run")).toBeUndefined();
    expect(methodOwner([search, { ...search, upstream: draft.upstream }], "search/run")).toBeUndefined();
  });
});

describe("capabilities without tasks", () => {
  const tasks = { "io.modelcontextprotocol/tasks": {} };

  it("keep everything else, in its place", () => {
    const without = withoutTasks(Payload.of({ roots: {}, extensions: { "x/y": { a: 1 }, ...tasks }, sampling: {} }));
    expect(without.bytes.toString()).toBe('{"roots":{},"extensions":{"x/y":{"a":1}},"sampling":{}}');
    expect(withoutTasks(Payload.of({ extensions: tasks })).bytes.toString()).toBe("{}");
  });

  it("are the very same where there were none", () => {
    const capabilities = Payload.of({ extensions: { "x/y": {} } });
    expect(withoutTasks(capabilities)).toBe(capabilities);
  });
});
