import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { baseDirOf, findConfig } from "./find.ts";
import { loadConfig } from "./load.ts";
import { type LoadResult, parseConfig } from "./parse.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "config-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const codes = (result: LoadResult): readonly string[] =>
  (result.ok ? result.warnings : result.problems).map(problem => problem.code);

function write(content: string | Uint8Array, mode = 0o600): string {
  const path = join(folder, "mcp-proxy.toml");
  writeFileSync(path, content);
  chmodSync(path, mode);
  return path;
}

describe("findConfig", () => {
  it("finds the file in the nearest folder at or above the working directory", () => {
    const deep = join(folder, "a", "b");
    mkdirSync(deep, { recursive: true });
    mkdirSync(join(folder, ".radium"));
    const file = join(folder, ".radium", "mcp-proxy.toml");
    writeFileSync(file, "");
    expect(findConfig(deep)).toBe(file);
    expect(findConfig(folder)).toBe(file);
    expect(findConfig(join(folder, ".radium"))).toBe(file);
  });
});

describe("baseDirOf", () => {
  it("is the folder that holds .radium, else the file's own", () => {
    expect(baseDirOf("/srv/place/.radium/mcp-proxy.toml")).toBe("/srv/place");
    expect(baseDirOf("/etc/radium/proxy.toml")).toBe("/etc/radium");
  });
});

describe("loadConfig", () => {
  it("reads a file", () => {
    const result = loadConfig({ path: write("mcp.proxy.port = 4000"), env: {} });
    expect(result).toMatchObject({ ok: true, config: { port: 4000 }, warnings: [] });
  });

  it.each([
    ["a missing file", () => join(folder, "none.toml"), "RAD1001"],
    ["a path through a file", () => join(write(""), "x.toml"), "RAD1001"],
    ["a folder", () => folder, "RAD1003"],
    ["text that is not UTF-8", () => write(Uint8Array.of(0xff, 0xfe, 0x61)), "RAD1003"],
    ["a file larger than 1 MiB", () => write("#".repeat(1024 * 1024 + 1)), "RAD1003"],
    ["a file that everybody may write to", () => write("", 0o602), "RAD1004"],
  ])("refuses %s", (_what, path, code) => {
    const result = loadConfig({ path: path(), env: {} });
    expect(result.ok).toBe(false);
    expect(codes(result)).toEqual([code]);
  });
});

describe("permissions", () => {
  const withSecret = `
[[mcp.proxy.upstreams]]
name = "a"
transport = "http"
url = "https://a/mcp"
headers = { X-Api-Token = "Bearer abc", Accept = "x" }
auth = { auth_type = "oauth", token_url = "https://a/t", client_id = "i", client_secret = "\${S:-x}" }
`;
  const judge = (mode: number) => parseConfig({ text: withSecret, path: "f", env: {}, mode });

  it("says nothing about a file that only its owner may touch", () => {
    expect(codes(judge(0o100600))).toEqual([]);
  });

  it("warns of a literal secret in a file that everybody may read, at its place and without showing it", () => {
    const result = judge(0o100644);
    expect(result).toMatchObject({ ok: true, warnings: [{ code: "RAD1006", line: 6, column: 13 }] });
    expect(result).toMatchObject({ warnings: [{ help: expect.stringMatching(/chmod o-r f$/) }] });
    expect(JSON.stringify(result.ok && result.warnings)).not.toContain("abc");
  });

  it("warns of a file that a group may write to", () => {
    expect(codes(judge(0o100660))).toEqual(["RAD1005"]);
  });
});

const isRoot = process.getuid?.() === 0;
if (isRoot) console.log("skipped: a folder that is closed to this user, because none is closed to root");

it.skipIf(isRoot)("takes a file in a folder that is closed to this user for one that is there", () => {
  mkdirSync(join(folder, "below"));
  mkdirSync(join(folder, ".radium"), { mode: 0o000 });
  const file = join(folder, ".radium", "mcp-proxy.toml");
  expect(findConfig(join(folder, "below"))).toBe(file);
  expect(loadConfig({ path: file, env: {} })).toMatchObject({ ok: false, problems: [{ code: "RAD1003" }] });
});
