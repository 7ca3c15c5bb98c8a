import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { buildSync } from "esbuild";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { claimOn, thisProcess } from "./lock-file.ts";
import { clearStale, needPrivateFolder, type Occupied, occupy, privateFolder, standing } from "./run-file.ts";

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

  it("sweeps nothing else", async () => {
    leave(JSON.stringify({ ...GONE, nonce: "a" }));
    const kept = [
      ...["calls.json", "xinstance.json.0123456789abcdef", "my-instance.json.old"].map(name => [name, GONE] as const),
      [`instance.json.${process.pid}-0badcafe.tmp`, GONE] as const,
      ["instance.json.0123456789abcdef", thisProcess()] as const,
    ];
    for (const [name, owner] of kept) writeFileSync(join(runDir, name), JSON.stringify(owner));
    await occupy(runDir, FACTS);
    expect(readdirSync(runDir).sort()).toEqual([...kept.map(([name]) => name), ".gitignore", "instance.json"].sort());
  });

  it("that was given up is not given up again for whoever has it now", async () => {
    const first = (await occupy(runDir, FACTS)) as Occupied;
    first.release();
    await occupy(runDir, { ...FACTS, socket: "/second.sock" });
    first.release();
    expect(standing(runDir)).toMatchObject({ kind: "running", record: { socket: "/second.sock" } });
  });

  it("of which nothing but its process was written is known by that", () => {
    leave(JSON.stringify(thisProcess()));
    const unknown = { configPath: null, version: "unknown", startedAt: "", socket: "", address: null, flags: [] };
    expect(standing(runDir)).toEqual({ kind: "running", record: { ...thisProcess(), ...unknown } });
  });

  it("whose file names no process does not run, and nobody has its pid", () => {
    leave("{");
    expect(standing(runDir)).toEqual({ kind: "none" });
    utimesSync(join(runDir, "instance.json"), 1, 1);
    expect(standing(runDir)).toEqual({ kind: "stale", pid: undefined, reused: false, text: "{" });
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

describe("a folder of our own", () => {
  it("is made with all above it, and one that is closed already stays as it is", () => {
    expect(privateFolder(runDir)).toEqual({ kind: "ready" });
    expect(statSync(runDir).mode & 0o777).toBe(0o700);
    chmodSync(runDir, 0o500);
    expect(privateFolder(runDir)).toEqual({ kind: "ready" });
    expect(() => needPrivateFolder(runDir)).not.toThrow();
    expect(statSync(runDir).mode & 0o777).toBe(0o500);
  });

  it.each([0o710, 0o701, 0o770, 0o707, 0o777])("is closed to others that had mode %i", mode => {
    mkdirSync(runDir, { recursive: true });
    chmodSync(runDir, mode);
    expect(privateFolder(runDir)).toEqual({ kind: "ready" });
    expect(statSync(runDir).mode & 0o777).toBe(0o700);
  });

  it("is none where a file lies in the way", () => {
    mkdirSync(join(runDir, ".."), { recursive: true });
    writeFileSync(runDir, "");
    for (const path of [runDir, join(runDir, "below")]) {
      expect(privateFolder(path)).toEqual({ kind: "refused", detail: expect.stringContaining(runDir) });
      expect(() => needPrivateFolder(path)).toThrow(runDir);
    }
  });

  it.runIf(process.getuid?.() === 0)("is none that belongs to another user, which is left as it is", () => {
    mkdirSync(runDir, { recursive: true });
    chmodSync(runDir, 0o777);
    chownSync(runDir, 65_534, 65_534);
    const detail = `${runDir} belongs to another user`;
    expect(privateFolder(runDir)).toEqual({ kind: "refused", detail });
    expect(() => needPrivateFolder(runDir)).toThrow(detail);
    expect(statSync(runDir).mode & 0o777).toBe(0o777);
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
