import { describe, expect, it } from "vitest";
import { assignNames, prefixesFor, type Wish } from "./naming.ts";
import { finish } from "./steps.ts";

const names = (wishes: readonly Wish[], maxNameLength = 46): string[] =>
  finish(assignNames(wishes, prefixesFor(wishes.map(wish => wish.owner)), maxNameLength));
const bare = (owner: string, native: string): Wish => ({ owner, native, prefixed: false });
const prefixed = (owner: string, native: string): Wish => ({ owner, native, prefixed: true });

describe("a prefix", () => {
  it.each([
    ["github", "github"],
    ["my-server", "my-server"],
    ["a.b", "a_b"],
    ["a__b", "a_b"],
    ["9lives", "u9lives"],
    ["-x-", "u-x"],
    ["日本", "u"],
    ["a-name-that-is-rather-long", "a-name-that-is-r"],
  ])("of %s is %s", (owner, prefix) => {
    expect(prefixesFor([owner]).get(owner)).toBe(prefix);
  });

  it("belongs to one upstream, first of all to the one that is called so", () => {
    const prefixes = prefixesFor(["a.b", "a_b", "a:b", "long-upstream-name-1", "long-upstream-name-2"]);
    expect(prefixes.get("a_b")).toBe("a_b");
    expect(new Set(prefixes.values()).size).toBe(5);
    for (const prefix of prefixes.values()) expect(prefix).toMatch(/^[A-Za-z](?!.*__)[A-Za-z0-9_-]{0,15}$/);
  });
});

describe("a public name", () => {
  it.each([
    [bare("a", "create_issue"), "create_issue"],
    [bare("a", "files/read.all"), "files_read_all"],
    [bare("a", "_private"), "u_private"],
    [bare("a", "3d"), "u3d"],
    [prefixed("a", "_private"), "a___private"],
    [prefixed("my.app", "x y"), "my_app__x_y"],
  ])("of %j is %s", (wish, name) => {
    expect(names([wish])).toEqual([name]);
  });

  it("that is too long ends in a hash of its owner and native name", () => {
    const long = "n".repeat(60);
    const [first, second] = names([prefixed("a", `${long}1`), prefixed("a", `${long}2`)]);
    expect(first).toMatch(/^a__n{36}_[a-z2-7]{6}$/);
    expect(first).toHaveLength(46);
    expect(second).not.toBe(first);
    expect(names([prefixed("a", `${long}1`)])).toEqual([first]);
    expect(names([prefixed("a", long)], 128)).toEqual([`a__${long}`]);
  });

  it("is kept by the one that needs no change, and hashed for all who would be spelled like it", () => {
    const wishes = [bare("a", "x.y"), bare("b", "x_y"), bare("c", "x:y")];
    const [dotted, exact, colon] = names(wishes);
    expect(exact).toBe("x_y");
    expect(dotted).toMatch(/^x_y_[a-z2-7]{6}$/);
    expect(colon).toMatch(/^x_y_[a-z2-7]{6}$/);
    expect(names([...wishes].reverse())).toEqual([colon, exact, dotted]);
  });

  it("is never given twice, not even to somebody who guessed the hash", () => {
    const [hashed] = names([bare("a", "x.y"), bare("b", "x_y")]);
    const all = names([bare("a", "x.y"), bare("b", "x_y"), bare("c", hashed!)]);
    expect(all[2]).toBe(hashed);
    expect(new Set(all).size).toBe(3);
  });
});
