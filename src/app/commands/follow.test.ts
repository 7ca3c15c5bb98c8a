import { appendFileSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { followFile, lastLines } from "./follow.ts";

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "rad-follow-"));
  path = join(folder, "calls.log");
});
afterEach(() => rmSync(folder, { recursive: true }));

describe("the last lines of a file", () => {
  it("are those that are whole", () => {
    writeFileSync(path, "a\nbé\nc\nunfinish");
    expect(lastLines(path, 2)).toEqual({ lines: ["bé", "c"], end: Buffer.byteLength("a\nbé\nc\n") });
    expect(lastLines(path, 9)?.lines).toEqual(["a", "bé", "c"]);
    expect(lastLines(path, 0)?.lines).toEqual([]);
  });
  it("are none when there is no file", () => expect(lastLines(path, 2)).toBeUndefined());
});

describe("following a file", () => {
  it("tells whole lines, once each, also when the file is replaced", async () => {
    const lines: string[] = [];
    const ended = new AbortController();
    let heard: (line: string) => void = () => {};
    const next = (wanted: string): Promise<void> =>
      new Promise(resolve => {
        heard = line => line === wanted && resolve();
      });
    const following = followFile({
      path,
      from: 0,
      signal: ended.signal,
      receive: line => {
        lines.push(line);
        heard(line);
      },
    });
    let seen = next("one");
    writeFileSync(path, "one\ntw");
    await seen;
    seen = next("two");
    appendFileSync(path, "o\n");
    await seen;
    seen = next("four");
    appendFileSync(path, "three\n");
    renameSync(path, `${path}.1`);
    writeFileSync(path, "four\n");
    await seen;
    ended.abort();
    await following;
    expect(lines.slice(0, 4)).toEqual(["one", "two", "three", "four"]);
  });
});
