import { mkdtempSync, renameSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { manualClock } from "../../test/fixtures/manual-clock.ts";
import { poll } from "../../test/fixtures/poll.ts";
import { systemClock } from "./clock.ts";
import { watchFile } from "./watch-file.ts";

let folder: string;
let path: string;
let end = (): void => {};

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "watch-"));
  path = join(folder, "file.toml");
  writeFileSync(path, "one");
});
afterEach(() => {
  end();
  rmSync(folder, { recursive: true });
});

/** Resolves with the next change. */
const next = (): Promise<void> =>
  new Promise(changed => {
    end();
    end = watchFile(path, { clock: systemClock, changed });
  });

describe("watching a file", () => {
  it("tells when it was written", async () => {
    const changed = next();
    writeFileSync(path, "two");
    await changed;
  });

  it("tells when another file took its place, as editors do", async () => {
    const changed = next();
    writeFileSync(`${path}.new`, "two");
    renameSync(`${path}.new`, path);
    await changed;
  });

  it("tells when the link beside it was turned, as mounted configurations do", async () => {
    writeFileSync(join(folder, "a"), "one");
    writeFileSync(join(folder, "b"), "two");
    unlinkSync(path);
    symlinkSync("a", path);
    const changed = next();
    symlinkSync("b", `${path}.new`);
    renameSync(`${path}.new`, path);
    await changed;
  });

  it("tells nothing when the content is what it was, and once when it was written in two parts", async () => {
    let told = 0;
    end = watchFile(path, { clock: systemClock, changed: () => told++ });
    writeFileSync(path, "one");
    writeFileSync(path, "tw");
    writeFileSync(path, "two");
    await new Promise<void>(resolve => {
      const poll = (): void => (told > 0 ? resolve() : void setTimeout(poll, 20));
      poll();
    });
    const later = next();
    writeFileSync(path, "three");
    await later;
    expect(told).toBe(1);
  });

  it("takes no file that is still being written, although what is there so far is well-formed", async () => {
    const clock = manualClock();
    let told = 0;
    end = watchFile(path, { clock, changed: () => told++ });
    writeFileSync(path, "first part");
    expect(await poll(() => clock.pending === 1)).toBe(true);
    // No event comes in between: the writer was quiet for longer than the watch waits for.
    clock.advance(300);
    writeFileSync(path, "first part, second part");
    clock.advance(700);
    expect(told).toBe(0);
    writeFileSync(path, "first part, second part");
    clock.advance(700);
    expect(told).toBe(0);
    clock.advance(700);
    expect(told).toBe(1);
    clock.advance(10_000);
    expect(told).toBe(1);
  });

  it("tells of the file that was there twice, not of one that was gone in between", async () => {
    const clock = manualClock();
    let told = 0;
    end = watchFile(path, { clock, changed: () => told++ });
    writeFileSync(path, "two");
    expect(await poll(() => clock.pending === 1)).toBe(true);
    clock.advance(300);
    unlinkSync(path);
    clock.advance(700);
    expect([told, clock.pending]).toEqual([0, 0]);
    writeFileSync(path, "three");
    expect(await poll(() => clock.pending === 1)).toBe(true);
    clock.advance(1_000);
    expect(told).toBe(1);
  });
});
