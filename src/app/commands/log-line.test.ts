import { describe, expect, it } from "vitest";
import { plain } from "../terminal/terminal.ts";
import { logLine } from "./log-line.ts";

const LINE = {
  ts: "2026-01-31T12:34:56.789Z",
  agent: "claude",
  method: "tools/call",
  target: "echo",
  upstream: "files",
};

describe("a line of the log of calls", () => {
  it("tells when, who, what, where to and how it ended", () => {
    const line = logLine(JSON.stringify({ ...LINE, attempts: 1, outcome: "ok", ms: 1.2345 }), plain);
    expect(line).toMatch(/^2026-0[12]-\d\d \d\d:\d\d:\d\d {2}claude {2}tools\/call echo {2}-> files {2}ok {2}1\.2 ms$/);
  });

  it("tells why a call failed, and how often it was tried", () => {
    const line = logLine(
      JSON.stringify({ ...LINE, attempts: 2, outcome: "failed", ms: 5, reason: "timeout\x1b[2J" }),
      plain,
    );
    expect(line).toContain("-> files (attempt 2)  failed  5.0 ms  timeout\\u{1b}[2J");
  });

  it("that is not understood is shown as it is", () => {
    expect(logLine("hello \x07", plain)).toBe("hello \\u{7}");
    expect(logLine('{"a":1}', plain)).toBe('{"a":1}');
  });
});
