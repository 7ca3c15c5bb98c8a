import { spawn } from "node:child_process";
import { once } from "node:events";
import {
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
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  acquireLock,
  claimOn,
  inspectLock,
  lives,
  lockNonce,
  releaseLock,
  removeStale,
  rewriteLock,
  surelyLives,
  thisProcess,
} from "./lock-file.ts";

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "rad-lock-"));
  path = join(folder, "lock.json");
});
afterEach(() => rmSync(folder, { recursive: true }));

const text = (owner: object = thisProcess()): string => JSON.stringify({ ...owner, nonce: lockNonce() });

/** A process that has ended, so that its pid is nobody's. */
async function deadOwner() {
  const child = spawn(process.execPath, ["-e", ""]);
  await once(child, "exit");
  return { pid: child.pid ?? 0, startTime: "1" };
}

it("leaves nothing beside a lock that cannot be rewritten", () => {
  mkdirSync(path);
  expect(() => rewriteLock(path, text())).toThrow();
  expect(readdirSync(folder)).toEqual(["lock.json"]);
});

describe("a lock", () => {
  it("is created with its whole text, readable by nobody else", async () => {
    const mine = text();
    expect(await acquireLock(path, mine)).toEqual({ kind: "acquired" });
    expect(readFileSync(path, "utf8")).toBe(mine);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(readdirSync(folder)).toEqual(["lock.json"]);
  });

  it("is not taken from a process that lives", async () => {
    const first = text();
    await acquireLock(path, first);
    expect(await acquireLock(path, text())).toEqual({ kind: "held", owner: thisProcess(), text: first });
  });

  it("is taken from a process that is gone", async () => {
    writeFileSync(path, text(await deadOwner()));
    expect(await acquireLock(path, text())).toEqual({ kind: "acquired" });
    expect(readdirSync(folder)).toEqual(["lock.json"]);
  });

  it("is taken from a process whose pid belongs to another one now", async () => {
    writeFileSync(path, text({ ...thisProcess(), startTime: "long ago" }));
    expect(inspectLock(path).kind).toBe("stale");
    expect(await acquireLock(path, text())).toEqual({ kind: "acquired" });
  });

  it("that names a living pid without its start time is none of ours", () => {
    writeFileSync(path, JSON.stringify({ pid: process.ppid }));
    expect(inspectLock(path).kind).toBe("stale");
  });

  it("with senseless text is replaced once nobody can still be writing it", async () => {
    writeFileSync(path, "{");
    expect(inspectLock(path).kind).toBe("unfinished");
    utimesSync(path, 1, 1);
    expect(inspectLock(path).kind).toBe("stale");
    expect(await acquireLock(path, text())).toEqual({ kind: "acquired" });
  });

  it("is not followed when it is a symbolic link", async () => {
    const target = join(folder, "target");
    writeFileSync(target, "precious");
    symlinkSync(target, path);
    expect(await acquireLock(path, text())).toMatchObject({
      kind: "refused",
      detail: `${path} is a symbolic link`,
    });
    expect(readFileSync(target, "utf8")).toBe("precious");
  });

  it("is refused where something else lies", async () => {
    mkdirSync(path);
    expect(await acquireLock(path, text())).toMatchObject({ kind: "refused" });
  });

  it("is refused where nothing can be written", async () => {
    expect(await acquireLock(join(folder, "absent", "lock"), text())).toMatchObject({ kind: "refused" });
  });
});

describe("looking at a lock", () => {
  const old = (content: string) => {
    writeFileSync(path, content);
    utimesSync(path, 1, 1);
    return inspectLock(path);
  };

  it("finds nothing where nothing is, and leaves it so", () => {
    expect(inspectLock(path)).toEqual({ kind: "absent" });
    expect(readdirSync(folder)).toEqual([]);
  });

  it("finds no owner in what names no process", () => {
    const pids = ["0", "-1", "1.5", '"1"', "null", "[1]", "1e400", "9007199254740992"].map(pid => `{"pid":${pid}}`);
    for (const content of [...pids, "{}", "null", "5", "[]", '"x"', ""]) {
      expect(old(content), content).toEqual({ kind: "stale", owner: undefined, text: content });
    }
  });

  it("takes a start time that is no text for none", () => {
    const { pid } = thisProcess();
    const content = JSON.stringify({ pid, startTime: 5 });
    expect(old(content)).toEqual({ kind: "stale", owner: { pid, startTime: null }, text: content });
  });

  it("reads no more than we would have written", () => {
    const mine = text();
    expect(old(mine.padEnd(64 * 1024)).kind).toBe("held");
    expect(old(mine.padEnd(64 * 1024 + 1))).toMatchObject({
      kind: "refused",
      detail: expect.stringContaining("larger"),
    });
  });

  it("says what is wrong with the place", () => {
    writeFileSync(path, "");
    expect(inspectLock(join(path, "below"))).toMatchObject({
      kind: "refused",
      detail: expect.stringContaining("ENOTDIR"),
    });
    expect(inspectLock(folder)).toEqual({ kind: "refused", detail: `${folder} is not a regular file` });
  });

  it.runIf(process.platform === "linux")("leaves no file open", () => {
    const open = () => readdirSync("/proc/self/fd").length;
    const before = open();
    for (let times = 0; times < 20; times++) [inspectLock(path), inspectLock(folder), old(text())];
    expect(open()).toBe(before);
  });
});

describe("giving a lock up", () => {
  it("is nothing where it is gone, and fails where it stays", () => {
    expect(() => releaseLock(path)).not.toThrow();
    mkdirSync(path);
    expect(() => releaseLock(path)).toThrow();
  });
});

describe("removing a stale lock", () => {
  it("is said to be done, also when somebody else has done it", async () => {
    const stale = text(await deadOwner());
    writeFileSync(path, stale);
    expect(await removeStale(path, stale)).toBe(true);
    expect(readdirSync(folder)).toEqual([]);
    expect(await removeStale(path, stale)).toBe(true);
    expect(readdirSync(folder)).toEqual([]);
  });

  it("leaves alone what has taken its place", async () => {
    const stale = text(await deadOwner());
    const fresh = text();
    writeFileSync(path, fresh);
    await removeStale(path, stale);
    expect(readFileSync(path, "utf8")).toBe(fresh);
    expect(readdirSync(folder)).toEqual(["lock.json"]);
  });

  it("waits for somebody who is just doing it", async () => {
    const stale = text(await deadOwner());
    writeFileSync(path, stale);
    await acquireLock(claimOn(path, stale), text());
    expect(await removeStale(path, stale)).toBe(false);
    expect(readFileSync(path, "utf8")).toBe(stale);
  });

  it("goes on where another process died in the middle of it", async () => {
    const dead = await deadOwner();
    const stale = text(dead);
    writeFileSync(path, stale);
    writeFileSync(claimOn(path, stale), text(dead));
    expect(await acquireLock(path, text())).toEqual({ kind: "acquired" });
    expect(readdirSync(folder)).toEqual(["lock.json"]);
  });
});

describe("an owner", () => {
  it("lives while that very process does", async () => {
    expect(lives(thisProcess())).toBe(true);
    expect(lives({ ...thisProcess(), startTime: "1" })).toBe(false);
    expect(lives(await deadOwner())).toBe(false);
  });
  it("surely lives only when its start time is known and equal", () => {
    expect(surelyLives(thisProcess())).toBe(true);
    expect(surelyLives({ pid: process.pid, startTime: null })).toBe(false);
    expect(surelyLives({ pid: process.pid, startTime: "1" })).toBe(false);
  });
  it("that is gone surely does not live, whatever is known of it", async () => {
    const { pid } = await deadOwner();
    for (const startTime of ["1", null]) expect(surelyLives({ pid, startTime })).toBe(false);
  });
});
