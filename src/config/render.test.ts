import { describe, expect, it } from "vitest";
import type { Problem } from "./problem.ts";
import { renderProblem } from "./render.ts";

const problem: Problem = {
  code: "RAD1203",
  level: "error",
  message: 'unknown key "commnd" in upstream "github"',
  file: ".radium/mcp-proxy.toml",
  line: 14,
  column: 1,
  sourceLine: 'commnd = "npx"',
  help: 'did you mean "command"?',
};
const plain = (changes: Partial<Problem>) => renderProblem({ ...problem, ...changes }, { color: false });

describe("renderProblem", () => {
  it("says what, where with the line, and what to do", () => {
    expect(plain({})).toBe(
      [
        'error[RAD1203]: unknown key "commnd" in upstream "github"',
        "  --> .radium/mcp-proxy.toml:14:1",
        "   |",
        '14 | commnd = "npx"',
        "   | ^^^^^^",
        '   = help: did you mean "command"?',
      ].join("\n"),
    );
  });

  it("leaves the frame out when the problem is about the whole file", () => {
    expect(plain({ line: 0, column: 0, sourceLine: "", level: "warning" }).split("\n")).toEqual([
      'warning[RAD1203]: unknown key "commnd" in upstream "github"',
      " --> .radium/mcp-proxy.toml",
      '  = help: did you mean "command"?',
    ]);
  });

  it("colours only when told to", () => {
    expect(plain({})).not.toContain("\u001b");
    expect(renderProblem(problem, { color: true })).toContain("\u001b[31;1merror[RAD1203]\u001b[0m");
  });

  it("shows terminal escapes, control characters and direction marks instead of sending them", () => {
    const nasty = "a\u001b[2Jb\u0007\u202Ec\u009b";
    const shown = plain({ message: nasty, file: nasty, sourceLine: `${nasty} = 1`, help: nasty });
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
    expect(shown.replaceAll("\n", "")).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202e]/);
    expect(shown.match(/\\u\{1b\}\[2Jb\\u\{7\}\\u\{202e\}c\\u\{9b\}/g)).toHaveLength(4);
  });

  it("keeps the caret below its column behind tabs and escapes", () => {
    const lines = plain({ sourceLine: "\t\u0001 x = 1", column: 4 }).split("\n");
    expect(lines[4]!.indexOf("^")).toBe(lines[3]!.indexOf("x"));
  });

  it("cuts a long line to the neighbourhood of the column", () => {
    const lines = plain({ sourceLine: `${"a".repeat(5000)} wrong ${"b".repeat(5000)}`, column: 5002 }).split("\n");
    expect(lines[3]!.length).toBeLessThan(140);
    expect(lines[4]!.indexOf("^^^^^")).toBe(lines[3]!.indexOf("wrong"));
  });
});
