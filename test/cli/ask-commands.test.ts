import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { runCommandLine } from "../../src/app/cli.ts";
import type { Context } from "../../src/app/commands/command.ts";
import type { Config } from "../../src/config/schema.ts";
import type { Failure } from "../../src/core/failure.ts";
import { upstreamName } from "../../src/core/names.ts";
import { Payload } from "../../src/core/payload.ts";
import { type Fake, fakeGateway, stage, upstream } from "./fake-gateway.ts";

let folder: string;
let place: { cwd: string; env: Record<string, string> };
let fake: Fake;
let built: Config[];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "rad-ask-"));
  place = { cwd: join(folder, "home"), env: { TMPDIR: folder, HOME: folder } };
  mkdirSync(join(place.cwd, ".radium"), { recursive: true, mode: 0o700 });
  const upstreams = ["files", "search"].map(
    name => `[[mcp.proxy.upstreams]]\nname = "${name}"\ntransport = "http"\nurl = "http://localhost:9/"\n`,
  );
  writeFileSync(join(place.cwd, ".radium/mcp-proxy.toml"), `[mcp.proxy]\n${upstreams.join("")}`, { mode: 0o600 });
  fake = fakeGateway([
    upstream({ name: "files" }),
    upstream({ name: "search", state: "down", lastError: "ENOTFOUND" }),
  ]);
  built = [];
});
afterEach(() => rmSync(folder, { recursive: true }));

async function rad(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const on = stage(place, () => fake);
  const { assemble } = on.context;
  const context: Context = {
    ...on.context,
    assemble: options => {
      built.push(options.config);
      return assemble(options);
    },
  };
  const code = await runCommandLine(args, context);
  return { code, out: on.out(), err: on.err() };
}

describe("without a running gateway", () => {
  it("the tools are listed, and who could not be asked", async () => {
    const { code, out, err } = await rad("mcp", "tools");
    expect(code).toBe(0);
    expect(out).toMatch(/^name +upstreams +description\nfiles_tool +files +What files_tool does\n$/);
    expect(err).toContain("Not shown: the tools of search");
    expect(fake.stops).toEqual([0]);
  });

  it("the upstreams are listed", async () => {
    const { code, out, err } = await rad("mcp", "list");
    expect(code).toBe(0);
    expect(out).toMatch(/files +ready for[\s\S]*search +down for/);
    expect(err).toContain('Failed to connect to upstream "search": ENOTFOUND');
  });

  it("a test fails when one upstream does", async () => {
    const { code, err } = await rad("mcp", "test");
    expect(code).toBe(1);
    expect(err).toContain(
      'Failed to connect to upstream "search": ENOTFOUND\n --> http://localhost/search\n  = help: Check the host name',
    );
  });

  it("a test of one upstream dials no other", async () => {
    const { code, out } = await rad("mcp", "test", "files", "--json");
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({
      schema: "rad.test/1",
      ok: true,
      upstreams: [{ name: "files", state: "ready" }],
    });
    expect(built[0]?.upstreams.map(({ name }) => name)).toEqual(["files"]);
  });

  it("an upstream that does not exist is named with those that do", async () => {
    for (const command of ["test", "tools"]) {
      expect(await rad("mcp", command, "fils")).toMatchObject({
        code: 1,
        err: expect.stringContaining("There are: files, search."),
      });
    }
  });

  it.each([["list"], ["tools"], ["prompts"], ["test", "files"], ["call", "files_tool"]])(
    "%s says on stderr that it connects by itself, and prints nothing more for scripts",
    async (...args) => {
      const says = `No gateway runs for ${place.cwd}/.radium/mcp-proxy.toml: this command connects to its upstreams by itself.\n`;
      expect((await rad("mcp", ...args)).err).toContain(says);
      const { out, err } = await rad("mcp", ...args, "--json");
      expect(err).toBe(says);
      expect(out.trimEnd().split("\n")).toEqual([expect.stringMatching(/^\{"schema":/)]);
    },
  );

  it.each([
    ["list", "upstreams"],
    ["tools", "tools"],
    ["prompts", "prompts"],
  ])("%s prints one object for scripts", async (command, member) => {
    const { out } = await rad("mcp", command, "--json");
    expect(JSON.parse(out)).toMatchObject({ schema: `rad.${command}/1`, [member]: expect.any(Array) });
  });
});

describe("call", () => {
  const says = (result: object): void => {
    fake.answer = async () => ({
      kind: "done",
      result: Payload.of(result),
      route: { upstream: upstreamName("files"), attempts: 1 },
    });
  };
  const fails = (failure: Failure): void => {
    fake.answer = async () => ({ kind: "failed", failure });
  };

  it("resolves the name and sends the arguments as they are", async () => {
    await rad("mcp", "call", "files_tool", "--args", '{"n": 1.0}');
    expect(fake.calls[0]).toMatchObject({
      method: "tools/call",
      target: "files_tool",
      subject: { kind: "found" },
      view: { kind: "all" },
    });
    expect(fake.calls[0]?.params.bytes.toString()).toBe('{"name":"files_tool","arguments":{"n": 1.0}}');
  });

  it("prints text as text, without what steers a terminal, and sums up the rest", async () => {
    says({
      content: [
        { type: "text", text: "a\n\x1b[2Jb" },
        { type: "image", mimeType: "image/png", data: "AAAA" },
        { type: "new" },
      ],
    });
    expect(await rad("mcp", "call", "files_tool")).toMatchObject({
      code: 0,
      out: "a\n\\u{1b}[2Jb\n[image, image/png, 3 B]\n[new]\n",
    });
  });

  it("exits with 1 when the tool reports an error", async () => {
    says({ content: [{ type: "text", text: "no" }], isError: true });
    expect(await rad("mcp", "call", "files_tool")).toMatchObject({
      code: 1,
      out: "no\n",
      err: expect.stringMatching(/\nThe tool reported an error\.\n$/),
    });
  });

  it("prints the whole result for scripts", async () => {
    fake.answer = async () => ({ kind: "done", result: Payload.parse('{"content":[],"big":12345678901234567890}') });
    const { out } = await rad("mcp", "call", "files_tool", "--json");
    expect(out).toContain('"big":12345678901234567890');
    expect(JSON.parse(out)).toMatchObject({
      schema: "rad.call/1",
      name: "files_tool",
      isError: false,
      result: { content: [] },
    });
  });

  const lost = {
    kind: "upstream",
    upstream: upstreamName("files"),
    attempts: 1,
    delivery: "not_sent",
    detail: "why",
  } as const;
  it("tells why a call failed without the secrets in it", async () => {
    const detail = "exited; last lines on stderr: password=canary-1";
    fails({ ...lost, fault: "connection_lost", delivery: "sent_unknown", detail });
    const { err, out } = await rad("mcp", "call", "files_tool");
    expect(err).toContain("last lines on stderr: password=[redacted]");
    expect(err + out + (await rad("mcp", "call", "files_tool", "--json")).out).not.toContain("canary");
  });

  it.each(["[1]", "{", "nonsense"])("refuses %s as arguments", async text => {
    expect(await rad("mcp", "call", "files_tool", "--args", text)).toMatchObject({
      code: 2,
      err: expect.stringContaining("RAD2001"),
    });
    expect(fake.calls).toEqual([]);
  });

  it.each<[string, Failure, number, string]>([
    ["an unknown tool", { kind: "unknown_name", what: "tool", name: "x", nearest: ["y"] }, 1, "did you mean y?"],
    ["a deadline", { ...lost, fault: "timeout" }, 8, "RAD2016"],
    ["where a deadline comes from", { ...lost, fault: "timeout" }, 8, "`tool_timeouts`"],
    ["missing credentials", { ...lost, fault: "auth_required" }, 7, "RAD2020"],
    ["where credentials belong", { ...lost, fault: "auth_required" }, 7, "`auth` or `headers`"],
    ["an answer that says nothing", { ...lost, fault: "bad_response", delivery: "sent_unknown" }, 1, "upstream failed"],
    ["an upstream that is down", { ...lost, fault: "unreachable" }, 1, "Failed to connect to upstream"],
    ["the rate limit", { kind: "rate_limited", retryAfterMs: 1000, limit: 60 }, 1, "Rate limit exceeded"],
  ])("tells %s by its exit code", async (_, failure, code, words) => {
    fails(failure);
    expect(await rad("mcp", "call", "x")).toMatchObject({ code, err: expect.stringContaining(words) });
    const { out } = await rad("mcp", "call", "x", "--json");
    expect(JSON.parse(out)).toMatchObject({ schema: "rad.error/1", exitCode: code });
  });
});

describe("validate", () => {
  it("names every problem, also for scripts", async () => {
    writeFileSync(join(place.cwd, ".radium/mcp-proxy.toml"), "[mcp.proxy]\nport = 0\nprt = 1\n", { mode: 0o600 });
    expect(await rad("mcp", "proxy", "validate")).toMatchObject({
      code: 5,
      err: expect.stringMatching(/:2:\d[\s\S]*:3:1[\s\S]*2 errors/),
    });
    const { code, out } = await rad("mcp", "proxy", "validate", "--json");
    expect(code).toBe(5);
    expect(JSON.parse(out)).toMatchObject({
      schema: "rad.validate/1",
      ok: false,
      problems: [{ line: 2 }, { line: 3 }],
    });
  });

  it("says that the file does not exist", async () => {
    expect(await rad("mcp", "proxy", "validate", "--config", "none.toml")).toMatchObject({
      code: 5,
      err: expect.stringContaining("RAD1001"),
    });
  });
});
