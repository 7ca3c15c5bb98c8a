import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { lookUp } from "./git-index.ts";

const PATH = ".radium/mcp-proxy.toml";
/** Names that share beginnings, some longer than a field of the index can count. */
const FILES = [PATH, ".radium/other", "a/b/c", "a/b/cd", `long/${"x".repeat(200)}/${"y".repeat(200)}`, "z/é/ü", "zz"];

function write(folder: string, paths: readonly string[]): void {
  for (const path of paths) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), path);
  }
}
const git = (cwd: string, ...args: string[]): string =>
  execFileSync("git", args, { cwd, encoding: "utf8", stdio: "pipe" });
const hasGit = (() => {
  try {
    execFileSync("git", ["--version"], { stdio: "ignore" });
    return true;
  } catch {
    console.log("skipped: indexes that git wrote, because it is not here");
    return false;
  }
})();

const home = mkdtempSync(join(tmpdir(), "git-index-"));
afterAll(() => rmSync(home, { recursive: true }));

const KINDS: Readonly<Record<string, { init?: readonly string[]; after?: readonly (readonly string[])[] }>> = {
  "version 2": { after: [["update-index", "--index-version", "2"]] },
  "version 3, with a flag that needs it": { after: [["update-index", "--skip-worktree", "zz"]] },
  "version 4": { after: [["update-index", "--index-version", "4"]] },
  "SHA-256": { init: ["--object-format=sha256"] },
  "SHA-256, version 4": { init: ["--object-format=sha256"], after: [["update-index", "--index-version", "4"]] },
};

describe.skipIf(!hasGit).each(Object.entries(KINDS))("an index of %s", (name, { init = [], after = [] }) => {
  const folder = join(home, name.replaceAll(/\W/g, "-"));
  const index = (): Buffer => readFileSync(join(folder, ".git/index"));
  beforeAll(() => {
    mkdirSync(folder);
    git(folder, "init", ...init);
    write(folder, FILES);
    git(folder, "add", ".");
    for (const args of after) git(folder, ...args);
  });

  it("names every tracked file with the hash of its content, and no other", () => {
    for (const path of FILES) expect(lookUp(index(), path)).toEqual({ kind: "tracked", entry: hashOf(path) });
    for (const path of ["a/b", "a/b/c/", "b", "", ".radium", "radium/mcp-proxy.toml", "zzz"])
      expect(lookUp(index(), path)).toEqual({ kind: "untracked" });
    function hashOf(path: string): string {
      return git(folder, "-c", "core.quotePath=false", "ls-files", "-s", "--", path).split(" ")[1] ?? "";
    }
  });

  it("takes spellings for the same that a file system may take for the same", () => {
    for (const path of [".RADIUM/MCP-Proxy.toml", ".radi\u200dum/mcp-proxy.toml", "z/e\u0301/U\u0308"])
      expect(lookUp(index(), path).kind).toBe("tracked");
  });

  it("is not believed when it is cut or has been tampered with", () => {
    const whole = index();
    for (let cut = 0; cut < whole.length - 1; cut += 7)
      expect(lookUp(whole.subarray(0, cut), "none").kind).toBe("unknown");
    expect(lookUp(Buffer.concat([whole, Buffer.alloc(3)]), "none").kind).toBe("unknown");
    const other = Buffer.from(whole);
    other.writeUInt32BE(9, 4);
    expect(lookUp(other, "none").kind).toBe("unknown");
  });
});

describe.skipIf(!hasGit)("what an index does not say itself", () => {
  it("is unknown: the entries of a split one lie elsewhere", () => {
    const folder = join(home, "split");
    mkdirSync(folder);
    git(folder, "init");
    write(folder, FILES);
    git(folder, "add", ".");
    git(folder, "update-index", "--split-index");
    expect(lookUp(readFileSync(join(folder, ".git/index")), PATH).kind).not.toBe("untracked");
  });
});
