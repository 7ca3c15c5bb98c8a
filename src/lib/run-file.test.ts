import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { buildSync } from "esbuild";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { claimOn, thisProcess } from "./lock-file.ts";
import { clearStale, type Occupied, occupy, standing } from "./run-file.ts";

const FACTS = {
  configPath: "/x/.radium/mcp-proxy.toml",
  version: "1",
  startedAt: "2026-01-01T00:00:00Z",
  socket: "/x.sock",
  flags: [],
};
const GONE = { pid: 2 ** 22 + 1, startTime: "1" };

let root: string;
let runDir: string;
let count = 0;
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), "rad-run-"));
});
afterAll(() => rmSync(root, { recursive: true }));
beforeEach(() => {
  runDir = join(root, String(count++), "run");
});

const leave = (text: string): void => {
  mkdirSync(runDir, { recursive: true, mode: 0o700 });
  writeFileSync(join(runDir, "instance.json"), text);
};

describe("an instance", () => {
  it("keeps its folder, with keys and logs, out of the repository around it, and writes through no link", async () => {
    const occupied = (await occupy(runDir, FACTS)) as Occupied;
    expect(readFileSync(join(runDir, ".gitignore"), "utf8")).toBe("*\n");
    occupied.release();
    rmSync(join(runDir, ".gitignore"));
    symlinkSync(join(root, "elsewhere"), join(runDir, ".gitignore"));
    ((await occupy(runDir, FACTS)) as Occupied).release();
    expect(existsSync(join(root, "elsewhere"))).toBe(false);
  });

  it("is written down where only its user can look", async () => {
    const occupied = (await occupy(runDir, FACTS)) as Occupied;
    const path = join(runDir, "instance.json");
    expect(statSync(runDir).mode & 0o777).toBe(0o700);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    occupied.announce({ host: "127.0.0.1", port: 3000, url: "http://localhost:3000/mcp" });
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(JSON.parse(readFileSync(path, "utf8"))).toMatchObject({
      ...FACTS,
      ...thisProcess(),
      address: { port: 3000 },
    });
    expect(standing(runDir)).toMatchObject({ kind: "running", record: { pid: process.pid } });
    occupied.release();
    occupied.release();
    expect(standing(runDir)).toEqual({ kind: "none" });
    expect(readdirSync(runDir)).toEqual([".gitignore"]);
  });

  it("is had once", async () => {
    await occupy(runDir, FACTS);
    expect(await occupy(runDir, FACTS)).toMatchObject({
      kind: "taken",
      record: { pid: process.pid, socket: "/x.sock" },
    });
  });

  it("that crashed is told from one that runs, and replaced", async () => {
    leave(JSON.stringify({ ...GONE, ...FACTS, nonce: "a" }));
    expect(standing(runDir)).toMatchObject({ kind: "stale", pid: GONE.pid, reused: false });
    expect(await occupy(runDir, FACTS)).toMatchObject({ kind: "occupied" });
  });

  it("whose pid is another process now does not run", () => {
    leave(JSON.stringify({ pid: process.pid, startTime: "long ago", nonce: "a" }));
    expect(standing(runDir)).toMatchObject({ kind: "stale", reused: true });
  });

  it("that crashed is tidied away, one that runs is not", async () => {
    leave(JSON.stringify({ ...GONE, nonce: "a" }));
    await clearStale(runDir);
    expect(standing(runDir)).toEqual({ kind: "none" });
    await occupy(runDir, FACTS);
    await clearStale(runDir);
    expect(standing(runDir).kind).toBe("running");
  });

  it("sweeps what dead processes left beside it", async () => {
    leave(JSON.stringify({ ...GONE, nonce: "a" }));
    writeFileSync(join(runDir, `instance.json.${GONE.pid}-0badcafe.tmp`), "{");
    writeFileSync(join(runDir, "instance.json.0123456789abcdef"), JSON.stringify(GONE));
    writeFileSync(join(runDir, "calls.log"), "");
    await occupy(runDir, FACTS);
    expect(readdirSync(runDir).sort()).toEqual([".gitignore", "calls.log", "instance.json"]);
  });

  it("refuses a run file or a run folder that is a symbolic link", async () => {
    leave("{}");
    const linked = join(root, "linked");
    symlinkSync(runDir, linked);
    expect(await occupy(linked, FACTS)).toMatchObject({
      kind: "refused",
      detail: expect.stringContaining("not a folder"),
    });
    rmSync(join(runDir, "instance.json"));
    symlinkSync("/etc/hostname", join(runDir, "instance.json"));
    expect(await occupy(runDir, FACTS)).toMatchObject({
      kind: "refused",
      detail: expect.stringContaining("symbolic link"),
    });
    expect(standing(runDir)).toMatchObject({ kind: "refused" });
  });

  it("closes a run folder that others could look into", async () => {
    mkdirSync(runDir, { recursive: true });
    chmodSync(runDir, 0o755);
    await occupy(runDir, FACTS);
    expect(statSync(runDir).mode & 0o777).toBe(0o700);
  });
});

describe("twenty processes that start at once", () => {
  const PROCESSES = 20;
  let racers: { child: ChildProcess; lines: AsyncIterator<string> }[];

  beforeAll(() => {
    const script = join(root, "racer.mjs");
    const contents = `
      import { createInterface } from "node:readline";
      import { occupy } from "./run-file.ts";
      for await (const runDir of createInterface({ input: process.stdin })) {
        console.log(JSON.stringify(await occupy(runDir, ${JSON.stringify(FACTS)})));
      }`;
    buildSync({
      stdin: { contents, resolveDir: import.meta.dirname },
      bundle: true,
      platform: "node",
      format: "esm",
      outfile: script,
    });
    racers = Array.from({ length: PROCESSES }, () => {
      const child = spawn(process.execPath, [script], { stdio: ["pipe", "pipe", "inherit"] });
      return { child, lines: createInterface({ input: child.stdout })[Symbol.asyncIterator]() };
    });
  });
  afterAll(async () => {
    for (const { child } of racers) child.stdin?.end();
    await Promise.all(racers.map(({ child }) => child.exitCode ?? once(child, "exit")));
  });

  const race = async (): Promise<{ kind: string; record?: { pid: number } }[]> => {
    for (const { child } of racers) child.stdin?.write(`${runDir}\n`);
    return Promise.all(racers.map(async ({ lines }) => JSON.parse((await lines.next()).value)));
  };

  it.each([
    ["on a clean folder", () => {}],
    ["after a crash", () => leave(JSON.stringify({ ...GONE, nonce: "a" }))],
    [
      "after a crash in the middle of tidying up after a crash",
      () => {
        const stale = JSON.stringify({ ...GONE, nonce: "a" });
        leave(stale);
        const claim = JSON.stringify({ ...GONE, nonce: "b" });
        const path = join(runDir, "instance.json");
        writeFileSync(claimOn(path, stale), claim);
        writeFileSync(claimOn(claimOn(path, stale), claim), JSON.stringify({ ...GONE, nonce: "c" }));
      },
    ],
  ])("leave exactly one in possession, %s", async (_, prepare) => {
    for (let round = 0; round < 15; round++) {
      runDir = join(root, `race-${count++}`, "run");
      prepare();
      const results = await race();
      const winners = results.flatMap(({ kind }, index) => (kind === "occupied" ? [racers[index]?.child.pid] : []));
      expect(winners).toHaveLength(1);
      const seen = new Set(results.flatMap(result => (result.kind === "taken" ? [result.record?.pid] : [])));
      expect([...seen]).toEqual(winners);
      expect(standing(runDir)).toMatchObject({ kind: "running", record: { pid: winners[0] } });
    }
  });
});
