import { existsSync, lstatSync, readFileSync, realpathSync } from "node:fs";
import { basename, dirname, join, relative, resolve, sep } from "node:path";
import { lookUp, type Tracked } from "./git-index.ts";

/** Where a file comes from, as far as its surroundings tell. */
export type Origin =
  /** `near`: in a checkout, which does not track it. */
  | { readonly kind: "own"; readonly near: boolean }
  /** `how`: in words. `entry`: the content that git tracks, where it is git and says so. */
  | { readonly kind: "checkout"; readonly how: string; readonly entry: string | undefined };

/** What of other version control stands in a checkout. Whether it has the file, is not asked. */
const OTHERS: Readonly<Record<string, string>> = {
  ".hg": "Mercurial",
  ".svn": "Subversion",
  ".jj": "Jujutsu",
  ".sl": "Sapling",
  ".bzr": "Bazaar",
  ".pijul": "Pijul",
  _darcs: "Darcs",
  CVS: "CVS",
  _FOSSIL_: "Fossil",
  ".fslckout": "Fossil",
};
/** Folders whose contents others made. */
const PACKAGES: ReadonlySet<string> = new Set(["node_modules", "site-packages"]);

/**
 * Whether a file came with a repository or a package. `links`: the links on the way to it, which may have come with one
 * as well. Looks at every checkout around it: an inner one says nothing of what an outer one tracks.
 */
export function originOf(path: string, links: readonly string[]): Origin {
  let near = false;
  let other: Origin | undefined;
  for (const place of new Set([path, withoutLinks(path), ...links])) {
    for (let folder = dirname(place); ; folder = dirname(folder)) {
      const found = askAt(folder, place);
      if (found?.kind === "checkout" && found.entry !== undefined) return found;
      if (found?.kind === "checkout") other ??= found;
      near ||= found !== undefined;
      if (folder === dirname(folder)) break;
    }
  }
  return other ?? { kind: "own", near };
}

/** What the folder says of the file; `undefined`: it is no checkout. */
function askAt(folder: string, path: string): Origin | undefined {
  const came = (how: string, entry?: string): Origin => ({ kind: "checkout", how, entry });
  const name = basename(folder).toLowerCase();
  if (name === ".git") return came(`inside ${folder}`);
  if (PACKAGES.has(name)) return came(`with a package in ${folder}`);
  const other = Object.keys(OTHERS).find(marker => existsSync(join(folder, marker)));
  if (other !== undefined) return came(`in a checkout of ${OTHERS[other]} in ${folder}`);
  const tracked = trackedBy(join(folder, ".git"), relative(folder, path).split(sep).join("/"));
  if (tracked === undefined) return undefined;
  if (tracked.kind === "tracked") return came(`tracked by git in ${folder}`, tracked.entry);
  return tracked.kind === "unknown" ? came(`in a git checkout in ${folder}`) : { kind: "own", near: true };
}

/** `undefined`: no repository. When in doubt, `unknown`. */
function trackedBy(git: string, path: string): Tracked | undefined {
  try {
    const stats = lstatSync(git, { throwIfNoEntry: false });
    if (!stats) return undefined;
    const folder = gitFolder(git);
    if (folder === undefined) return { kind: "unknown" };
    // An empty folder of that name is no repository, neither for git.
    if (!existsSync(join(folder, "HEAD")) && !existsSync(join(folder, "index"))) return undefined;
    const index = join(folder, "index");
    return existsSync(index) ? lookUp(readFileSync(index), path) : { kind: "untracked" };
  } catch {
    return { kind: "unknown" };
  }
}

/** Worktrees and submodules have a file that says where their repository is. */
function gitFolder(git: string): string | undefined {
  const real = realpathSync(git);
  if (lstatSync(real).isDirectory()) return real;
  const named = /^gitdir: (.+?)\r?\n?$/.exec(readFileSync(real, "utf8"))?.[1];
  return named === undefined ? undefined : resolve(dirname(git), named);
}

function withoutLinks(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}
