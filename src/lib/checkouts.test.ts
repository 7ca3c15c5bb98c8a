import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { originOf } from "./checkouts.ts";
import { repositoryTracking } from "./git-index.fixture.ts";

let home: string;
beforeEach(() => {
  home = realpathSync(mkdtempSync(join(tmpdir(), "checkouts-")));
});
afterEach(() => rmSync(home, { recursive: true }));

const FILE = ".radium/mcp-proxy.toml";
const HASH = "ab".repeat(20);
function write(path: string, content = ""): string {
  mkdirSync(dirname(join(home, path)), { recursive: true });
  writeFileSync(join(home, path), content);
  return join(home, path);
}
const repository = (folder: string, tracks: string): void => repositoryTracking(join(home, folder), tracks, HASH);
const own = (near: boolean) => ({ kind: "own", near });
const tracked = (folder: string) => ({
  ...{ kind: "checkout", entry: HASH },
  how: `tracked by git in ${folder === "" ? home : join(home, folder)}`,
});

describe("a file", () => {
  it("is one's own outside of any checkout, and in one that does not track it", () => {
    const file = write(`a/${FILE}`);
    expect(originOf(file, [])).toEqual(own(false));
    repository("a/.git", "other");
    expect(originOf(file, [])).toEqual(own(true));
    repository("a/.git", FILE);
    expect(originOf(file, [])).toEqual(tracked("a"));
    // A repository in which nothing was added yet.
    rmSync(join(home, "a/.git/index"));
    expect(originOf(file, [])).toEqual(own(true));
    // None for git either.
    rmSync(join(home, "a/.git/HEAD"));
    expect(originOf(file, [])).toEqual(own(false));
  });

  it("is the outer repository's too, whatever an inner one says", () => {
    const file = write(`a/b/${FILE}`);
    repository("a/b/.git", "other");
    repository(".git", `a/b/${FILE}`);
    expect(originOf(file, [])).toEqual(tracked(""));
  });

  it("is a worktree's, whose repository lies elsewhere", () => {
    const file = write(`tree/${FILE}`);
    repository("main/.git/worktrees/tree", FILE);
    for (const target of [join(home, "main/.git/worktrees/tree"), "../main/.git/worktrees/tree"]) {
      write("tree/.git", `gitdir: ${target}\n`);
      expect(originOf(file, [])).toEqual(tracked("tree"));
    }
  });

  it.each([
    ["an index that makes no sense", "a/.git/index", "nonsense"],
    ["a file that names no repository", "a/.git", "nonsense"],
  ])("is others' when in doubt: %s", (_, path, content) => {
    const file = write(`a/${FILE}`);
    write(path, content);
    expect(originOf(file, [])).toEqual({
      kind: "checkout",
      how: `in a git checkout in ${join(home, "a")}`,
      entry: undefined,
    });
  });

  it.each([".hg", ".svn", ".jj", ".sl", ".bzr", ".pijul", "_darcs", "CVS", "_FOSSIL_", ".fslckout"])(
    "is others' in a checkout with %s",
    marker => {
      const file = write(`a/b/${FILE}`);
      mkdirSync(join(home, "a", marker));
      expect(originOf(file, [])).toMatchObject({
        kind: "checkout",
        entry: undefined,
        how: expect.stringContaining(join(home, "a")),
      });
      // Git knows better which content it has.
      repository("a/b/.git", FILE);
      expect(originOf(file, [])).toEqual(tracked("a/b"));
    },
  );

  it.each(["node_modules/x", "lib/Site-Packages/x", ".git/x"])("is others' in %s", folder => {
    expect(originOf(write(`${folder}/${FILE}`), []).kind).toBe("checkout");
  });

  it("is whose it is behind a link, and whose the link is", () => {
    write(`mine/${FILE}`);
    symlinkSync(join(home, "mine/.radium"), join(home, ".radium"));
    expect(originOf(join(home, FILE), [join(home, ".radium")])).toEqual(own(false));
    repository(".git", ".radium");
    expect(originOf(join(home, FILE), [join(home, ".radium")])).toEqual(tracked(""));
    rmSync(join(home, ".git"), { recursive: true });
    repository("mine/.git", FILE);
    expect(originOf(join(home, FILE), [])).toEqual(tracked("mine"));
  });
});
