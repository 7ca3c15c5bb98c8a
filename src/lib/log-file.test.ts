import { mkdir, mkdtemp, readdir, readFile, rename, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { type ManualClock, manualClock } from "../../test/fixtures/manual-clock.ts";
import { type LogOptions, type LogSink, openLog } from "./log-file.ts";

let folder: string;
let path: string;
let clock: ManualClock;
let log: LogSink;
let troubles: string[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "rad-log-"));
  path = join(folder, "gateway.log");
  clock = manualClock();
  troubles = [];
});
afterEach(async () => {
  await log.close();
  await rm(folder, { recursive: true, force: true });
});

const open = (options: Partial<LogOptions> = {}): LogSink => {
  const onTrouble = (message: string): void => void troubles.push(message);
  log = openLog({ path, maxBytes: 1_000_000, keep: 3, clock, onTrouble, ...options });
  return log;
};
const linesOf = async (file: string): Promise<string[]> => (await readFile(file, "utf8")).split("\n").slice(0, -1);

it("appends whole lines to a file that only its owner may read", async () => {
  await writeFile(path, "before\n", { mode: 0o644 });
  open().write("one");
  log.write("two");
  await log.flush();
  expect(await linesOf(path)).toEqual(["before", "one", "two"]);
  expect((await stat(path)).mode & 0o777).toBe(0o600);
  expect(log.stats()).toEqual({ written: 2, dropped: 0, waitingBytes: 0, trouble: undefined });
});

it("writes after 50 ms by itself and not before", async () => {
  open();
  await log.flush();
  log.write("one");
  clock.advance(49);
  expect(await readFile(path, "utf8")).toBe("");
  clock.advance(1);
  await vi.waitFor(async () => expect(await linesOf(path)).toEqual(["one"]));
});

it("writes at once when a batch is full", async () => {
  open();
  for (let count = 0; count < 270; count++) log.write("x".repeat(1000));
  await vi.waitFor(() => expect(log.stats().written).toBe(270));
});

it("writes everything before it is closed and drops what comes later", async () => {
  open();
  for (let count = 0; count < 1000; count++) log.write(`line ${count}`);
  await log.close();
  log.write("late");
  expect(await linesOf(path)).toHaveLength(1000);
  expect(log.stats().dropped).toBe(1);
});

it("puts a full file aside and keeps as many as it should, with no line torn", async () => {
  open({ maxBytes: 100, keep: 2 });
  for (let count = 0; count < 50; count++) log.write(`line number ${String(count).padStart(3, "0")}`);
  await log.flush();
  expect((await readdir(folder)).sort()).toEqual(["gateway.log", "gateway.log.1", "gateway.log.2"]);
  const kept = await Promise.all([`${path}.2`, `${path}.1`, path].map(linesOf));
  for (const lines of kept) expect(lines.join("\n").length).toBeLessThan(100);
  const numbers = kept.flat().map(line => Number(line.match(/^line number (\d{3})$/)?.[1]));
  expect(numbers.at(-1)).toBe(49);
  numbers.forEach((number, at) => void expect(number).toBe((numbers[0] ?? 0) + at));
});

it("loses nothing when it is rotated under load", async () => {
  open({ maxBytes: 50_000, keep: 40 });
  for (let round = 0; round < 40; round++) {
    for (let count = 0; count < 500; count++) log.write(`${round * 500 + count} ${"y".repeat(round)}`);
    clock.advance(50);
    if (round % 4 === 0) await log.flush();
  }
  await log.close();
  const files = (await readdir(folder)).map(name => Number(name.split(".")[2] ?? 0)).sort((a, b) => b - a);
  const lines = (await Promise.all(files.map(number => linesOf(number ? `${path}.${number}` : path)))).flat();
  expect(files.length).toBeGreaterThan(5);
  expect(lines.map(line => Number(line.split(" ")[0]))).toEqual(Array.from({ length: 20_000 }, (_, at) => at));
});

it("goes on in a new file when the old one was moved away, and when it was removed", async () => {
  open().write("one");
  await log.flush();
  await rename(path, `${path}.old`);
  clock.advance(1000);
  log.write("two");
  await log.flush();
  await rm(path);
  clock.advance(1000);
  log.write("three");
  await log.flush();
  expect([await linesOf(`${path}.old`), await linesOf(path)]).toEqual([["one"], ["three"]]);
  expect(log.stats().dropped).toBe(0);
});

it("refuses a symbolic link and says so", async () => {
  const target = join(folder, "target");
  await writeFile(target, "");
  await symlink(target, path);
  open().write("one");
  await log.flush();
  expect(await readFile(target, "utf8")).toBe("");
  expect(troubles).toEqual([expect.stringContaining("ELOOP")]);
});

it("begins a line of its own after a line that a crash has torn", async () => {
  await writeFile(path, '{"torn":');
  open().write("one");
  await log.flush();
  expect(await linesOf(path)).toEqual(['{"torn":', "one"]);
});

it("keeps lines while the folder is gone and writes them when it is back", async () => {
  await rm(folder, { recursive: true });
  open().write("one");
  await log.flush();
  expect(log.stats().trouble).toContain("ENOENT");
  await mkdir(folder);
  clock.advance(5000);
  await vi.waitFor(async () => expect(await linesOf(path)).toEqual(["one"]));
  await vi.waitFor(() => expect(log.stats().trouble).toBeUndefined());
});

it.skipIf(process.platform !== "linux")(
  "survives a full disk: drops beyond 8 MiB, counts, tells once a minute",
  async () => {
    open({ path: "/dev/full" });
    const line = "x".repeat(1024 * 1024 - 1);
    for (let count = 0; count < 10; count++) log.write(line);
    await log.flush();
    expect(log.stats()).toMatchObject({ written: 0, dropped: 2, waitingBytes: 8 * 1024 * 1024 });
    expect(log.stats().trouble).toContain("ENOSPC");
    expect(troubles).toHaveLength(1);
    log.write(line);
    clock.advance(60_000);
    log.write(line);
    expect(troubles).toHaveLength(2);
    expect(troubles[1]).toContain("4 lines dropped");
    await log.close();
    expect(log.stats()).toMatchObject({ written: 0, dropped: 12, waitingBytes: 0 });
  },
);

it("writes nothing at all without a path", async () => {
  open({ path: null }).write("one");
  await log.flush();
  expect(await readdir(folder)).toEqual([]);
});

it("has a line in the file when it says so, and all that came before it", async () => {
  open().write("waits");
  await log.flush();
  log.write("later");
  expect(await Promise.all([log.commit("at once"), log.commit("too")])).toEqual([true, true]);
  expect(await linesOf(path)).toEqual(["waits", "later", "at once", "too"]);
  await log.flush();
  expect(await linesOf(path)).toEqual(["waits", "later", "at once", "too"]);
  expect(log.stats()).toMatchObject({ written: 2, waitingBytes: 0 });
});

it("opens, puts aside and finds its file again for such a line as for any other", async () => {
  open({ maxBytes: 10 });
  expect(await log.commit("first")).toBe(true);
  expect(await log.commit("second")).toBe(true);
  expect(await linesOf(path)).toEqual(["second"]);
  expect(await linesOf(`${path}.1`)).toEqual(["first"]);
  await rename(path, `${path}.moved`);
  clock.advance(1_000);
  expect(await log.commit("third")).toBe(true);
  expect(await linesOf(path)).toEqual(["third"]);
});

it("says of such a line that it is not there, and keeps none that came too late", async () => {
  await mkdir(path);
  open();
  expect(await log.commit("one")).toBe(false);
  expect(await log.commit("two")).toBe(false);
  expect(log.stats()).toMatchObject({ waitingBytes: 0, dropped: 0 });
  await rm(path, { recursive: true });
  clock.advance(5_000);
  await log.flush();
  expect(await log.commit("three")).toBe(true);
  expect(await linesOf(path)).toEqual(["three"]);
  await log.close();
  expect(await log.commit("four")).toBe(false);
});
