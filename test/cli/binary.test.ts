import { execFile, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import manifest from "../../package.json" with { type: "json" };

const ROOT = resolve(import.meta.dirname, "../..");
const RAD = join(ROOT, "dist/rad.js");

let home: string;
let cwd: string;
let count = 0;
beforeAll(() => {
  if (!existsSync(RAD)) execFileSync(process.execPath, ["scripts/build.mjs"], { cwd: ROOT });
  home = mkdtempSync(join(tmpdir(), "rad-bin-"));
});
afterAll(() => rmSync(home, { recursive: true }));
beforeEach(() => {
  cwd = join(home, String(count++));
  mkdirSync(cwd);
});

const env = (): NodeJS.ProcessEnv => ({ PATH: process.env.PATH, TMPDIR: home, HOME: home });

interface Ended {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}
function rad(line: string): Promise<Ended> {
  return new Promise(done => {
    const child = execFile(
      process.execPath,
      [RAD, ...line.split(" ").filter(Boolean)],
      { cwd, env: env() },
      (_, out, err) => {
        done({ code: child.exitCode ?? -1, out, err });
      },
    );
  });
}

describe("the program", () => {
  it("explains itself, with examples", async () => {
    expect(await rad("--help")).toMatchObject({
      code: 0,
      out: expect.stringContaining("rad mcp proxy start --demo"),
      err: "",
    });
    expect(await rad("--version")).toMatchObject({ code: 0, out: `${manifest.version}\n` });
    const { out } = await rad("mcp proxy --help");
    for (const command of [
      "init",
      "start",
      "stop",
      "restart",
      "reload",
      "status",
      "logs",
      "validate",
      "stdio",
      "trust",
    ]) {
      expect(out).toMatch(new RegExp(`^ {2}${command} `, "m"));
    }
  });

  it.each(["", "mcp", "mcp proxy"])("asked for nothing (%j) prints its help and exits with 2", async line => {
    expect(await rad(line)).toMatchObject({ code: 2, out: "", err: expect.stringContaining("Usage: rad") });
  });

  it.each(["nonsense", "mcp proxy strt", "mcp proxy start --port 70000", "mcp proxy status --nope", "mcp call"])(
    "refuses %j with 2",
    async line => {
      expect(await rad(line)).toMatchObject({ code: 2, err: expect.stringContaining("error[RAD2001]") });
      if (line.includes("--nope")) expect(JSON.parse((await rad(`${line} --json`)).out)).toMatchObject({ exitCode: 2 });
    },
  );

  it("prints no colours into pipes", async () => {
    const { out, err } = await rad("mcp proxy start");
    expect(out + err).not.toContain("\x1b");
  });

  it("reads neither the schema nor the network code for the commands that must be quick", () => {
    const chunks = readdirSync(join(ROOT, "dist/chunks")).filter(name =>
      /^(status|stop|reload|logs)-.*\.js$/.test(name),
    );
    expect(chunks.length).toBeGreaterThanOrEqual(4);
    for (const file of [RAD, ...chunks.map(name => join(ROOT, "dist/chunks", name))]) {
      expect([...packagesOf(file)].filter(name => !name.startsWith("node:"))).toEqual(
        file === RAD ? ["commander"] : [],
      );
    }
  });
});

/** The packages that a built file loads at once, through whatever other files. */
function packagesOf(file: string, seen = new Set<string>()): Set<string> {
  const packages = new Set<string>();
  if (seen.has(file)) return packages;
  seen.add(file);
  for (const [, name = ""] of readFileSync(file, "utf8").matchAll(
    /^(?:import|\} from|export \{[^}]*\} from)[^;\n]*?"([^"]+)";$/gm,
  )) {
    if (name.startsWith(".")) for (const other of packagesOf(resolve(file, "..", name), seen)) packages.add(other);
    else packages.add(name);
  }
  return packages;
}

describe("where nothing runs", () => {
  it("status exits with 3, for people and for scripts", async () => {
    expect(await rad("mcp proxy status")).toMatchObject({ code: 3, out: expect.stringContaining("not running") });
    const { code, out } = await rad("mcp proxy status --json");
    expect({ code, json: JSON.parse(out) }).toMatchObject({
      code: 3,
      json: { schema: "rad.status/1", running: false },
    });
  });
  it("stop exits with 3, and start without a configuration with 5", async () => {
    expect((await rad("mcp proxy stop")).code).toBe(3);
    expect(await rad("mcp proxy start")).toMatchObject({ code: 5, err: expect.stringContaining("rad mcp proxy init") });
  });
});

describe("from init to stop", () => {
  it("the starter file starts in the background as it is", async () => {
    expect((await rad("mcp proxy init")).code).toBe(0);
    const started = await rad("mcp proxy start --detach --port 0");
    expect(started).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^Listening on http:\/\/localhost:\d+\/mcp \(pid \d+\)/),
    });
    const status = JSON.parse((await rad("mcp proxy status --json")).out);
    expect(status).toMatchObject({ schema: "rad.status/1", running: true, health: "ok" });
    expect(await rad("mcp proxy start --detach")).toMatchObject({
      code: 4,
      err: expect.stringContaining(`already running (pid ${status.pid})`),
    });
    const restarted = await rad("mcp proxy restart");
    expect(restarted).toMatchObject({ code: 0, out: expect.stringContaining("Stopped the gateway") });
    const { pid } = JSON.parse((await rad("mcp proxy status --json")).out);
    expect(pid).not.toBe(status.pid);
    expect(await rad("mcp proxy stop")).toMatchObject({
      code: 0,
      out: expect.stringContaining(`Stopped the gateway (pid ${pid})`),
    });
    expect((await rad("mcp proxy status")).code).toBe(3);
    expect(readdirSync(join(cwd, ".radium/run"))).not.toContain("instance.json");
  });

  it("a gateway whose file is gone is seen, goes on, and can be stopped", async () => {
    await rad("mcp proxy init");
    expect((await rad("mcp proxy start --detach --port 0")).code).toBe(0);
    rmSync(join(cwd, ".radium/mcp-proxy.toml"));
    expect(await rad("mcp proxy status")).toMatchObject({ code: 0, out: expect.stringContaining("is running: ok") });
    expect(await rad("mcp proxy reload")).toMatchObject({ code: 5, err: expect.stringContaining("does not exist") });
    expect((await rad("mcp proxy stop")).code).toBe(0);
    expect(await rad("mcp proxy start")).toMatchObject({ code: 5, err: expect.stringContaining("RAD2010") });
  });

  it("a start in the background that fails passes on why", async () => {
    await rad("mcp proxy init");
    writeFileSync(join(cwd, ".radium/mcp-proxy.toml"), '[mcp.proxy]\nhost = "192.0.2.1"\n', { mode: 0o600 });
    const { code, err } = await rad("mcp proxy start --detach --allow-unauthenticated");
    expect({ code, err }).toEqual({
      code: 1,
      err: expect.stringMatching(/^error\[RAD2005\]: Cannot listen on 192\.0\.2\.1:3000/),
    });
  });

  it("of twenty starts at once one runs and the others exit with 4", async () => {
    await rad("mcp proxy init");
    const children = Array.from({ length: 20 }, () =>
      spawn(process.execPath, [RAD, "mcp", "proxy", "start", "--port", "0"], {
        cwd,
        env: env(),
        stdio: ["ignore", "ignore", "pipe"],
      }),
    );
    const codes: (number | null)[] = [];
    await new Promise<void>(resolve => {
      for (const child of children) {
        child.stderr.resume();
        child.once("exit", code => codes.push(code) === 19 && resolve());
      }
    });
    expect(codes).toEqual(Array.from({ length: 19 }, () => 4));
    const survivor = children.find(child => child.exitCode === null);
    expect(JSON.parse((await rad("mcp proxy status --json")).out)).toMatchObject({ running: true, pid: survivor?.pid });
    const gone = once(survivor ?? spawn("false"), "exit");
    survivor?.kill("SIGTERM");
    expect(await gone).toEqual([0, null]);
  });

  it("a gateway that was killed is told, and the next start tidies up", async () => {
    await rad("mcp proxy init");
    await rad("mcp proxy start --detach --port 0");
    const { pid } = JSON.parse((await rad("mcp proxy status --json")).out);
    process.kill(pid, "SIGKILL");
    const status = await rad("mcp proxy status");
    expect(status).toMatchObject({ code: 3, out: expect.stringContaining(`process ${pid}`) });
    expect((await rad("mcp proxy start --detach --port 0")).code).toBe(0);
    expect((await rad("mcp proxy stop")).code).toBe(0);
  });
});
