import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { readSealKey, type SealKey } from "./seal-key.ts";

/** What somebody else does just before a key is put in its place, once. */
const before = vi.hoisted(() => ({ link: (_path: string): void => {} }));
vi.mock("node:fs", async importOriginal => {
  const original = await importOriginal<typeof import("node:fs")>();
  const linkSync: typeof original.linkSync = (from, to) => {
    before.link(String(to));
    original.linkSync(from, to);
  };
  return { ...original, linkSync };
});

let runDir: string;
beforeEach(() => {
  runDir = mkdtempSync(join(tmpdir(), "radium-seal-"));
});
afterEach(() => {
  before.link = () => {};
  rmSync(runDir, { recursive: true, force: true });
});

const fromFile = (): SealKey => readSealKey({ path: join(runDir, "seal.key"), environment: {} });
const fromVariable = (text: string): SealKey =>
  readSealKey({ path: join(runDir, "seal.key"), environment: { RADIUM_SEAL_KEY: text } });
const hexOf = (found: SealKey): string | undefined => (found.kind === "key" ? found.key.toString("hex") : undefined);

describe("the sealing key", () => {
  it("is made at the first start and stays the same, for its owner's eyes only", () => {
    const first = hexOf(fromFile());
    expect(first).toMatch(/^[0-9a-f]{64}$/);
    expect(statSync(join(runDir, "seal.key")).mode & 0o777).toBe(0o600);
    expect(hexOf(fromFile())).toBe(first);
    expect(readdirSync(runDir)).toEqual(["seal.key"]);
    expect(statSync(join(runDir, "seal.key")).mode & 0o777).toBe(0o600);
  });

  it("is closed again to others when somebody opened it to them", () => {
    const first = hexOf(fromFile());
    chmodSync(join(runDir, "seal.key"), 0o644);
    expect(hexOf(fromFile())).toBe(first);
    expect(statSync(join(runDir, "seal.key")).mode & 0o777).toBe(0o600);
  });

  it("is the first one of two that make one at once, and nothing is left of the other", () => {
    before.link = path => writeFileSync(path, "cd".repeat(32), { mode: 0o600 });
    expect(fromFile()).toEqual({ kind: "key", key: Buffer.alloc(32, 0xcd) });
    expect(readdirSync(runDir)).toEqual(["seal.key"]);
  });

  it("is not what another one has put there meanwhile that is no key", () => {
    before.link = path => mkdirSync(path);
    expect(fromFile()).toMatchObject({ trouble: expect.stringContaining("not a regular file") });
    expect(readdirSync(runDir)).toEqual(["seal.key"]);
  });

  it("lasts as long as the process where none can be kept, and that is said with the reason", () => {
    before.link = () => {
      throw Object.assign(new Error("no links here"), { code: "EPERM" });
    };
    const found = fromFile();
    expect(found).toMatchObject({ kind: "key", trouble: expect.stringContaining("no links here") });
    expect(hexOf(found)).toHaveLength(64);
    expect(readdirSync(runDir)).toEqual([]);
  });

  it("comes from the environment, in hex or base64, before any file", () => {
    const key = Buffer.alloc(32, 7);
    expect(hexOf(fromVariable(key.toString("hex")))).toBe(key.toString("hex"));
    expect(hexOf(fromVariable(` ${key.toString("base64")}\n`))).toBe(key.toString("hex"));
    expect(hexOf(fromVariable(key.toString("base64url")))).toBe(key.toString("hex"));
    expect(readdirSync(runDir)).toEqual([]);
  });

  it("that is empty in the environment comes from the file, where white space around it is no part of it", () => {
    writeFileSync(join(runDir, "seal.key"), `\n ${"cd".repeat(32)} \n`);
    expect(hexOf(fromVariable(""))).toBe("cd".repeat(32));
  });

  const base64 = Buffer.alloc(32, 7).toString("base64");
  const wrong = [
    "too short",
    "ab".repeat(31),
    `${"ab".repeat(31)}zz`,
    "ab".repeat(33),
    `${"ab".repeat(32)}a`,
    `!${base64}`,
    `${base64}!`,
  ];
  it.each([...wrong, `${"ab".repeat(32)}!`, `!${"ab".repeat(32)}`])("is not %j: that is refused", text => {
    expect(fromVariable(text)).toEqual({ kind: "refused", detail: expect.stringContaining("RADIUM_SEAL_KEY") });
  });

  it("without a path is another one each time", () => {
    const one = readSealKey({ path: null, environment: {} });
    expect(one).toEqual({ kind: "key", key: expect.any(Buffer) });
    expect(hexOf(one)).not.toBe(hexOf(readSealKey({ path: null, environment: {} })));
  });

  it.each([
    ["a file that holds something else", () => writeFileSync(join(runDir, "seal.key"), "hello")],
    ["a link", () => symlinkSync("/dev/null", join(runDir, "seal.key"))],
    ["a folder", () => mkdirSync(join(runDir, "seal.key"))],
    ["a folder that is not there", () => rmSync(runDir, { recursive: true })],
  ])("does not come from %s: one for this process takes its place, and that is said", (_, make) => {
    make();
    const found = fromFile();
    expect(found).toMatchObject({ kind: "key", trouble: expect.stringContaining("seal.key") });
    expect(hexOf(found)).toHaveLength(64);
  });

  it.runIf(process.getuid?.() === 0)("does not come from another user's file", () => {
    const path = join(runDir, "seal.key");
    writeFileSync(path, "cd".repeat(32), { mode: 0o600 });
    chownSync(path, 65_534, 65_534);
    expect(fromFile()).toMatchObject({ trouble: expect.stringContaining("another user") });
  });

  it("says what is wrong with a link", () => {
    writeFileSync(join(runDir, "there"), "cd".repeat(32));
    symlinkSync(join(runDir, "there"), join(runDir, "seal.key"));
    expect(fromFile()).toMatchObject({ trouble: expect.stringContaining("not a regular file") });
  });
});
