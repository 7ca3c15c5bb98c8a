import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { nearest } from "./nearest.ts";

describe("the nearest names", () => {
  it("are at most three, best first", () => {
    const names = ["create_issues", "create_issue", "create_tissues", "creat_issue", "delete"];
    expect(nearest("create_issue", names)).toEqual(["create_issue", "create_issues", "creat_issue"]);
  });

  it.each([
    ["Create-Issue", "create_issue"],
    ["search", "github__search"],
    ["github__search", "search"],
    ["serach", "search"],
    ["github.search", "github__search"],
  ])("include, for %s, %s", (wanted, name) => {
    expect(nearest(wanted, ["unrelated", name, "other"])).toContain(name);
  });

  it.each(["", "zzzzzzzz", "__proto__"])("are none for %j", wanted => {
    expect(nearest(wanted, ["create_issue", "search"])).toEqual([]);
  });

  it("are one edit away when one character was changed", () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[a-z]{4,30}$/), fc.nat(), (name, at) => {
        const changed = `${name.slice(0, at % name.length)}0${name.slice((at % name.length) + 1)}`;
        expect(nearest(changed, [name])).toEqual([name]);
      }),
    );
  });

  it("cost little, however many and long the names are", () => {
    const names = Array.from({ length: 100_000 }, (_, index) => `${"a".repeat(5000)}${index}`);
    const started = process.cpuUsage();
    nearest("a".repeat(100_000), names);
    const { user } = process.cpuUsage(started);
    expect(user / 1000).toBeLessThan(500);
  });
});
