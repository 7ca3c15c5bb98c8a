import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { acquireLock, claimOn, lockNonce, releaseLock, removeStale, thisProcess } from "./lock-file.ts";

/** What others do just before a lock is linked into its place, and while we wait. */
const meanwhile = vi.hoisted(() => ({
  link: (_from: string, _to: string): void => {},
  wait: (): void => {},
  waits: 0,
}));
vi.mock("node:fs", async importOriginal => {
  const original = await importOriginal<typeof import("node:fs")>();
  const linkSync: typeof original.linkSync = (from, to) => {
    meanwhile.link(String(from), String(to));
    original.linkSync(from, to);
  };
  return { ...original, linkSync };
});
vi.mock("node:timers/promises", () => ({
  setTimeout: async () => {
    meanwhile.waits++;
    meanwhile.wait();
  },
}));
const failing = (code: string) => (): never => {
  throw Object.assign(new Error(`${code} here`), { code });
};

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "rad-lock-"));
  path = join(folder, "lock.json");
});
afterEach(() => {
  Object.assign(meanwhile, { link() {}, wait() {}, waits: 0 });
  rmSync(folder, { recursive: true });
});

const text = (owner: object = thisProcess()): string => JSON.stringify({ ...owner, nonce: lockNonce() });

/** A process that has ended, so that its pid is nobody's. */
async function deadOwner() {
  const child = spawn(process.execPath, ["-e", ""]);
  await once(child, "exit");
  return { pid: child.pid ?? 0, startTime: "1" };
}

describe("taking a lock", () => {
  it("waits for somebody who is just writing it", async () => {
    writeFileSync(path, "{");
    const first = text();
    meanwhile.wait = () => writeFileSync(path, first);
    expect(await acquireLock(path, text())).toEqual({ kind: "held", owner: thisProcess(), text: first });
    expect(meanwhile.waits).toBe(1);
  });

  it("waits for somebody who is just removing a stale one, and for nobody else", async () => {
    const stale = text(await deadOwner());
    writeFileSync(path, stale);
    await acquireLock(claimOn(path, stale), text());
    meanwhile.wait = () => releaseLock(claimOn(path, stale));
    expect(await acquireLock(path, text())).toEqual({ kind: "acquired" });
    expect(meanwhile.waits).toBe(1);
    writeFileSync(path, stale);
    expect(await acquireLock(path, text())).toEqual({ kind: "acquired" });
    expect(meanwhile.waits).toBe(1);
  });

  it("tries again when the lock that was in the way is gone", async () => {
    let times = 0;
    meanwhile.link = () => {
      if (times++ === 0) failing("EEXIST")();
    };
    expect(await acquireLock(path, text())).toEqual({ kind: "acquired" });
    expect(meanwhile.waits).toBe(0);
  });

  it("gives up where nobody ever finishes", async () => {
    writeFileSync(path, "{");
    meanwhile.wait = () => writeFileSync(path, "{");
    expect(await acquireLock(path, text())).toEqual({
      kind: "refused",
      detail: `${path} does not come to rest`,
    });
  });

  it.each(["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EMLINK"])("needs no links (%s)", async code => {
    meanwhile.link = failing(code);
    const mine = text();
    expect(await acquireLock(path, mine)).toEqual({ kind: "acquired" });
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(await acquireLock(path, text())).toMatchObject({ kind: "held", text: mine });
    expect(readdirSync(folder)).toEqual(["lock.json"]);
  });

  it.each(["ENOSPC", "EDQUOT", "EIO", "EMFILE", "ENFILE", "ENOMEM"])(
    "fails where the machine is out of something: %s",
    async code => {
      meanwhile.link = failing(code);
      await expect(acquireLock(path, text())).rejects.toThrow(`${code} here`);
      expect(readdirSync(folder)).toEqual([]);
    },
  );

  it("is refused with the reason where the place is at fault", async () => {
    meanwhile.link = failing("EXDEV");
    expect(await acquireLock(path, text())).toEqual({ kind: "refused", detail: "EXDEV here" });
    expect(readdirSync(folder)).toEqual([]);
  });
});

it("a stale lock is removed under a lock in the name of this process, which never occurs twice", async () => {
  const stale = text(await deadOwner());
  const claims: string[] = [];
  meanwhile.link = (from, to) => {
    expect(to).toBe(claimOn(path, stale));
    claims.push(readFileSync(from, "utf8"));
  };
  for (let times = 0; times < 2; times++) await removeStale(path, stale);
  for (const claim of claims) expect(JSON.parse(claim)).toMatchObject(thisProcess());
  expect(new Set(claims).size).toBe(2);
});
