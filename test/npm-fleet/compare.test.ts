import { expect, test } from "vitest";
import { compare } from "./compare.ts";
import type { Seen, Tool } from "./connect.ts";

const tool = (name: string, more: object = {}): Tool => ({ name, inputSchema: { type: "object" }, ...more });
const answer = (text: string, more: object = {}) => ({ content: [{ type: "text", text }], ...more });
const seen = (tools: readonly Tool[], said: unknown = answer("no")): Seen => ({
  ...{ kind: "answered", tools, call: { tool: "a" }, answer: said },
});
const DIRECT = seen([tool("a"), tool("b")]);

test("a server that lists and says the same through the gateway has nothing against it", () => {
  expect(compare("s", DIRECT, seen([tool("b"), tool("a")])).wrong).toEqual([]);
  const later = [answer("at 2026-01-02T03:04:05.678Z"), answer("at 2027-01-02T03:04:05Z")] as const;
  expect(compare("s", seen([], later[0]), seen([], later[1])).wrong).toEqual([]);
  const named = answer("no", { _meta: { "io.modelcontextprotocol/serverInfo": { name: "s" } } });
  expect(compare("s", DIRECT, seen(DIRECT.tools, named)).wrong).toEqual([]);
});

test.each<[string, Parameters<typeof compare>[2], RegExp]>([
  ["no answer", { kind: "silent", why: "timed out" }, /^no answer: timed out$/],
  ["a tool that is gone", seen([tool("a")]), /^not listed: b$/],
  ["a tool that was changed", seen([tool("a"), tool("b", { description: "x" })]), /^listed otherwise: b$/],
  ["a tool too many", seen([tool("a"), tool("b"), tool("c")]), /^1 too many$/],
  ["another answer", seen(DIRECT.tools, answer("yes")), /^answers .*yes.* instead of .*no/],
  ["an error instead", seen(DIRECT.tools, { code: -31001, message: "no" }), /^answers .*-31001/],
  ["an answer with more said of it", seen(DIRECT.tools, answer("no", { _meta: { x: 1 } })), /^answers /],
])("%s is told", (_what, through, wrong) => {
  const found = compare("s", DIRECT, through).wrong;
  expect(found).toHaveLength(1);
  expect(found[0]).toMatch(wrong);
});
