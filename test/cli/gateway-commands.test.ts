import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { runCommandLine } from "../../src/app/cli.ts";
import type { ExitCode } from "../../src/app/exit-codes.ts";
import { type Fake, fakeGateway, type Stage, stage, upstream } from "./fake-gateway.ts";

let folder: string;
let place: { cwd: string; env: Record<string, string> };
let fake: Fake;
const RUN = ".radium/run/instance.json";

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "rad-cli-"));
  place = { cwd: join(folder, "home"), env: { TMPDIR: folder, HOME: folder } };
  mkdirSync(join(place.cwd, ".radium"), { recursive: true, mode: 0o700 });
  configure("");
  fake = fakeGateway();
});
afterEach(() => rmSync(folder, { recursive: true }));

function configure(text: string): void {
  writeFileSync(join(place.cwd, ".radium/mcp-proxy.toml"), `[mcp.proxy]\nport = 3777\n${text}`, { mode: 0o600 });
}
const rad = (on: Stage, line: string): Promise<ExitCode> => runCommandLine(line.split(" "), on.context);

/** Runs a command in a place of its own. */
async function once(line: string): Promise<{ code: ExitCode; out: string; err: string }> {
  const on = stage(place, () => fake);
  const code = await rad(on, line);
  return { code, out: on.out(), err: on.err() };
}

/** A gateway that runs until the test stops it. */
async function started(line = "mcp proxy start"): Promise<{ on: Stage; ended: Promise<ExitCode> }> {
  const on = stage(place, () => fake);
  const ended = rad(on, line);
  await Promise.race([on.printed("For example:"), ended]);
  return { on, ended };
}

describe("start", () => {
  it("shows the upstreams, and what to give to an agent", async () => {
    fake = fakeGateway([
      upstream({ name: "files", tools: 3 }),
      upstream({ name: "search", state: "down", lastError: "connect ECONNREFUSED" }),
    ]);
    const { on, ended } = await started();
    expect(on.out()).toMatch(/^Listening on http:\/\/localhost:3777\/mcp\n/);
    expect(on.out()).toContain("claude mcp add --transport http rad http://localhost:3777/mcp");
    expect(on.out()).toMatch(/files\s+ready for .*http\s+2025-11-25\s+3/);
    expect(on.err()).toContain(
      'Failed to connect to upstream "search": connect ECONNREFUSED\n --> http://localhost/search\n  = help: Verify',
    );
    on.signals.emit("SIGINT");
    expect(await ended).toBe(0);
    expect(existsSync(join(place.cwd, RUN))).toBe(false);
  });

  it("tells each change of an upstream once", async () => {
    const { on, ended } = await started();
    for (const state of ["down", "connecting", "down", "connecting", "ready"] as const) {
      fake.change(upstream({ name: "files", state, lastError: state === "ready" ? null : "gone" }));
    }
    const told = on
      .err()
      .split("\n")
      .filter(line => /^\d\d:\d\d:\d\d/.test(line))
      .map(line => line.slice(9));
    expect(told).toEqual(['Failed to connect to upstream "files": gone', "✔ files: ready (http, 2025-11-25, 1 tool)"]);
    on.signals.emit("SIGTERM");
    await ended;
  });

  it("lets calls finish at the first signal, cuts them off at the second and waits for nothing at the third", async () => {
    fake = fakeGateway([upstream({ name: "files", inFlight: 2 })]);
    let finish: () => void = () => {};
    fake.gateway.stop = () =>
      new Promise(resolve => {
        finish = () => resolve({ cut: 1 });
      });
    const { on, ended } = await started();
    on.signals.emit("SIGINT");
    expect(on.err()).toContain("2 calls may finish within 30 s");
    let tell: () => void = () => {};
    fake.gateway.cut = () =>
      new Promise(resolve => {
        tell = resolve;
      });
    on.signals.emit("SIGINT");
    expect(on.exits).toEqual([]);
    on.signals.emit("SIGINT");
    expect(on.exits).toEqual([1]);
    tell();
    finish();
    expect(await ended).toBe(1);
    expect(on.err()).toContain("1 call did not finish");
  });

  it("refuses what the configuration switches off", async () => {
    configure("enable = false\n");
    expect(await once("mcp proxy start")).toMatchObject({ code: 9, err: expect.stringContaining("error[RAD2006]") });
  });

  it("refuses an address that others can reach, unless told so twice", async () => {
    expect(await once("mcp proxy start --host 0.0.0.0")).toMatchObject({
      code: 7,
      err: expect.stringContaining("--allow-unauthenticated"),
    });
    configure('host = "192.0.2.1"\n');
    expect((await once("mcp proxy start")).code).toBe(7);
    const { on, ended } = await started("mcp proxy start --allow-unauthenticated");
    on.signals.emit("SIGINT");
    expect(await ended).toBe(0);
  });

  it("says that it is running already", async () => {
    const { on, ended } = await started();
    const again = await once("mcp proxy start");
    expect(again).toMatchObject({ code: 4, err: expect.stringContaining(`already running (pid ${process.pid})`) });
    on.signals.emit("SIGINT");
    await ended;
  });

  it("says who holds the port, when it is one of ours", async () => {
    const { on, ended } = await started();
    const config = join(folder, "other.toml");
    writeFileSync(config, "[mcp.proxy]\nport = 3777\n", { mode: 0o600 });
    fake.taken.set(3777, "EADDRINUSE");
    const other = await once(`mcp proxy start --config ${config}`);
    expect(other.code).toBe(4);
    expect(other.err).toMatch(
      /^error\[RAD2004\]: Port already in use: 127\.0\.0\.1:3777\n --> held by the gateway with pid \d+, of .*mcp-proxy\.toml/,
    );
    expect(other.err).toContain("rad mcp proxy stop");
    expect(fake.stops).toEqual([0]);
    on.signals.emit("SIGINT");
    await ended;
  });

  it("says what to do about a port that another program holds", async () => {
    fake.taken.set(3777, "EADDRINUSE");
    const { code, err } = await once("mcp proxy start");
    expect(code).toBe(4);
    expect(err).toMatch(/Port already in use: 127\.0\.0\.1:3777[\s\S]*rad mcp proxy status[\s\S]*change the port/);
    fake.taken.set(3777, "EACCES");
    expect(await once("mcp proxy start")).toMatchObject({ code: 1, err: expect.stringContaining("RAD2005") });
  });

  it("shows all problems of a bad configuration", async () => {
    configure('prt = 1\ntransport = "carrier pigeon"\n');
    const { code, err } = await once("mcp proxy start");
    expect(code).toBe(5);
    expect(err.match(/error\[RAD1/g)).toHaveLength(2);
  });
});

describe("a gateway that runs", () => {
  it("is shown by status, for people and for scripts", async () => {
    const { on, ended } = await started();
    const shown = await once("mcp proxy status");
    expect(shown).toMatchObject({ code: 0, out: expect.stringContaining(`is running: ok (pid ${process.pid}`) });
    expect(JSON.parse((await once("mcp proxy status --json")).out)).toMatchObject({
      schema: "rad.status/1",
      running: true,
      health: "ok",
    });
    fake.change(upstream({ name: "files", state: "down", lastError: "\x1b[2J" }));
    const ill = await once("mcp proxy status");
    expect(ill.code).toBe(6);
    expect(ill.out).toContain('Failed to connect to upstream "files": \\u{1b}[2J');
    on.signals.emit("SIGINT");
    await ended;
  });

  it("takes another configuration, and keeps the old one when the new one is bad", async () => {
    const { on, ended } = await started();
    configure("max_connections = 5\n");
    expect(await once("mcp proxy reload")).toMatchObject({ code: 0, out: expect.stringContaining("files: unchanged") });
    expect(fake.configs.map(({ max_connections }) => max_connections)).toEqual([5]);
    const { out } = await once("mcp proxy reload --json");
    expect(JSON.parse(out)).toEqual({ schema: "rad.reload/1", changes: [expect.stringContaining("files")] });
    configure("max_connections = 0\n");
    expect(await once("mcp proxy reload")).toMatchObject({ code: 5, err: expect.stringContaining("RAD1204") });
    expect(fake.configs).toHaveLength(2);
    on.signals.emit("SIGINT");
    await ended;
  });

  it("reads its configuration again when it is hung up on", async () => {
    const { on, ended } = await started();
    configure("max_connections = 5\n");
    const reloaded = new Promise<number>(resolve => {
      fake.gateway.reload = async ({ max_connections }) => {
        resolve(max_connections);
        return [];
      };
    });
    on.signals.emit("SIGHUP");
    expect(await reloaded).toBe(5);
    on.signals.emit("SIGINT");
    await ended;
  });

  it("is asked by the other commands", async () => {
    const { on, ended } = await started();
    const unbuilt = stage(place, () => {
      throw new Error("a second gateway");
    });
    expect(await rad(unbuilt, "mcp tools --json")).toBe(0);
    expect(JSON.parse(unbuilt.out())).toMatchObject({
      schema: "rad.tools/1",
      tools: [{ name: "files_tool", upstreams: ["files"] }],
    });
    expect(await once("mcp call files_tool")).toMatchObject({ code: 0, out: "hello\n" });
    on.signals.emit("SIGINT");
    await ended;
  });
});
