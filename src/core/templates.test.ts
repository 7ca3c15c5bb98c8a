import { describe, expect, it } from "vitest";
import { compileTemplate, EFFORT } from "./templates.ts";

const matches = (template: string, uri: string): boolean =>
  compileTemplate(template)?.matches(uri, { left: EFFORT }) ?? false;

describe("a URI template", () => {
  it.each([
    ["file:///{name}", "file:///a.txt", "file:///a/b file:/// file:///a?b xfile:///a file:///a#b"],
    ["test://{a}/x/{b}", "test://1/x/2", "test://1/x/ test:///x/2 test://1/2/x/3"],
    ["file:///{+path}", "file:///a/b/c?d#e", "file:///"],
    ["x:{a}-{b}", "x:1-2-3", "x:12 x:-2 x:1-"],
    ["x:/a{/b}", "x:/a x:/a/ x:/a/b", "x:/a/b/c x:/ab"],
    ["x:/a{/b*}", "x:/a/b/c/d", "x:/a/b?c"],
    ["x:/a{?q,r}", "x:/a x:/a?q=1&r=/2", "x:/a&q=1 x:/a?q=1#f"],
    ["x:/a?f=1{&q}", "x:/a?f=1 x:/a?f=1&q=2", "x:/a?f=12"],
    ["x:/a{#f}", "x:/a x:/a#b/c", "x:/ab"],
    ["x:/a{.ext}", "x:/a x:/a.json", "x:/ajson x:/a.x/y"],
    ["x:/a{;p}", "x:/a x:/a;p=1", "x:/ap"],
    ["x:{a,b}", "x:1,2", "x:1/2"],
    ["x:{a:3}", "x:abc", "x:"],
    ["plain:text", "plain:text", "plain:tex plain:texts"],
    ["x:.*{a}", "x:.*b", "x:zzb"],
  ])("%s", (template, yes, no) => {
    for (const uri of yes.split(" ")) expect(matches(template, uri), uri).toBe(true);
    for (const uri of no.split(" ")) expect(matches(template, uri), uri).toBe(false);
  });

  it.each(["x:{", "x:{}", "x:{+}", "x:{a{b}}", "x".repeat(3000)])("that is none matches nothing: %#", template => {
    expect(compileTemplate(template)).toBeUndefined();
  });

  it("counts its literal characters", () => {
    expect(compileTemplate("ab{c}de{/f}")?.literals).toBe(4);
  });

  it("is compared in bounded time, however often its pieces could begin", () => {
    const template = `a${"{+x}a".repeat(300)}`;
    const started = process.cpuUsage();
    expect(matches(template, `${"a".repeat(8000)}b`)).toBe(false);
    const { user } = process.cpuUsage(started);
    expect(user / 1000).toBeLessThan(1000);
  });
});
