import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { parseConfig } from "../../src/config/parse.ts";
import type { Problem } from "../../src/config/problem.ts";

/** What stands beside each `.toml`: what is understood (a subset), or the exact complaints. */
interface Golden {
  readonly env?: Record<string, string>;
  readonly config?: Record<string, unknown>;
  readonly warnings?: readonly Complaint[];
  readonly problems?: readonly Complaint[];
}
type Complaint = Pick<Problem, "code" | "line" | "column" | "message">;

const brief = (problems: readonly Problem[]): readonly Complaint[] =>
  problems.map(({ code, line, column, message }) => ({ code, line, column, message }));
const read = (name: string): string => readFileSync(new URL(name, import.meta.url), "utf8");
const cases = readdirSync(new URL(".", import.meta.url)).filter(name => name.endsWith(".toml"));

describe("a configuration file is understood, or complained about exactly", () => {
  it.each(cases)("%s", name => {
    const golden = JSON.parse(read(name.replace(/toml$/, "json"))) as Golden;
    const result = parseConfig({ text: read(name), path: name, env: golden.env ?? {} });
    if (golden.problems) {
      expect(result.ok ? "accepted" : brief(result.problems)).toEqual(golden.problems);
      return;
    }
    expect(result.ok ? "accepted" : brief(result.problems)).toBe("accepted");
    if (!result.ok) return;
    expect(result.config).toMatchObject(golden.config ?? {});
    expect(brief(result.warnings)).toEqual(golden.warnings ?? []);
  });

  it("keeps the line ends and the byte order mark that two of the files are about", () => {
    expect(read("crlf.toml")).toContain("\r\n");
    expect(read("bom.toml").charCodeAt(0)).toBe(0xfeff);
  });
});
