import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync } from "node:fs";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { poll } from "../../test/fixtures/poll.ts";
import { platformOf } from "./platform.ts";

const platform = platformOf();
const { uid } = userInfo();
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "platform-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe.skipIf(process.platform === "win32")("the runtime folder", () => {
  test("is XDG_RUNTIME_DIR when that is ours", () => {
    chmodSync(folder, 0o700);
    expect(platform.runtimeDir({ XDG_RUNTIME_DIR: folder, TMPDIR: "/nowhere" }, uid)).toEqual({
      ok: true,
      path: folder,
    });
  });

  test("is made for the user alone when there is none", () => {
    const made = platform.runtimeDir({ XDG_RUNTIME_DIR: join(folder, "missing"), TMPDIR: folder }, uid);
    expect(made).toEqual({ ok: true, path: join(folder, `radium-${uid}`) });
    expect(statSync(join(folder, `radium-${uid}`)).mode & 0o777).toBe(0o700);
    expect(platform.runtimeDir({ TMPDIR: folder }, uid)).toEqual(made);
  });

  test("is never a folder that others may write to", () => {
    chmodSync(folder, 0o777);
    expect(platform.runtimeDir({ XDG_RUNTIME_DIR: folder, TMPDIR: folder }, uid)).toEqual({
      ok: true,
      path: join(folder, `radium-${uid}`),
    });
  });

  test("is refused when somebody prepared it", () => {
    mkdirSync(join(folder, `radium-${uid}`), { mode: 0o755 });
    expect(platform.runtimeDir({ TMPDIR: folder }, uid)).toMatchObject({
      ok: false,
      message: /reached by other users/,
    });
    mkdirSync(join(folder, "target"), { mode: 0o700 });
    rmSync(join(folder, `radium-${uid}`), { recursive: true });
    symlinkSync(join(folder, "target"), join(folder, `radium-${uid}`));
    expect(platform.runtimeDir({ TMPDIR: folder }, uid)).toMatchObject({ ok: false, message: /is not a folder/ });
  });

  test("is refused when it belongs to somebody else", () => {
    mkdirSync(join(folder, `radium-${uid + 1}`), { mode: 0o700 });
    const message = new RegExp(`belongs to user ${uid}`);
    expect(platform.runtimeDir({ TMPDIR: folder }, uid + 1)).toMatchObject({ ok: false, message });
  });

  test("is refused with a reason where nothing can be made", () => {
    const message = /cannot create .*ENOENT.*XDG_RUNTIME_DIR/;
    expect(platform.runtimeDir({ TMPDIR: join(folder, "missing") }, uid)).toMatchObject({ ok: false, message });
  });
});

describe.skipIf(process.platform === "win32")("a process", () => {
  test("keeps its start time and loses it with its life", async () => {
    const child = spawn("sleep", ["100"]);
    const pid = child.pid!;
    const startTime = platform.processStartTime(pid);
    expect(startTime).toMatch(/\d/);
    expect(platform.processStartTime(pid)).toBe(startTime);
    expect(platform.isAlive(pid)).toBe(true);
    child.kill("SIGKILL");
    await once(child, "exit");
    expect(platform.processStartTime(pid)).toBeUndefined();
    expect(platform.isAlive(pid)).toBe(false);
  });

  test.runIf(process.platform === "linux")("may have blanks and parentheses in its name", async () => {
    const path = join(folder, "a) R 1 (b");
    copyFileSync("/bin/sleep", path);
    const child = spawn(path, ["100"]);
    const other = spawn("sleep", ["100"]);
    await Promise.all([once(child, "spawn"), once(other, "spawn")]);
    const ticks = [child, other].map(({ pid }) => Number.parseInt(platform.processStartTime(pid!)!, 10));
    expect(Math.abs(ticks[0]! - ticks[1]!)).toBeLessThan(500);
    for (const each of [child, other]) each.kill("SIGKILL");
    await Promise.all([once(child, "exit"), once(other, "exit")]);
  });
});

describe.skipIf(process.platform === "win32")("a process group", () => {
  test("is reached as a whole, also when its leader is gone", async () => {
    const leader = spawn("/bin/sh", ["-c", "sleep 100 & echo started"], { detached: true });
    const pid = leader.pid!;
    await once(leader, "exit");
    expect(platform.isAlive(pid)).toBe(false);
    expect(platform.isGroupAlive(pid)).toBe(true);
    expect(platform.killGroup(pid, "SIGKILL")).toBe(true);
    await once(leader, "close");
    // Until it is reaped, what has ended is there.
    expect(await poll(() => !platform.isGroupAlive(pid))).toBe(true);
  });

  test("that does not exist is not reached", () => {
    expect(platform.killGroup(2 ** 22 - 7, "SIGTERM")).toBe(false);
  });
});

test("an unknown system is taken for a plain POSIX one", () => {
  expect(platformOf("freebsd").hasGroups).toBe(true);
  expect(platformOf("win32").hasGroups).toBe(false);
});
