import { createHash } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, isAbsolute, join } from "node:path";
import type { Environment } from "./platform.ts";
import { replaceFile } from "./replace-file.ts";
import { privateFolder } from "./run-file.ts";

/** What is remembered of one configuration file. */
export interface Remembered {
  readonly path: string;
  /** The folder in which `init` made it, as the file system knows it; `null`: it was not made here. */
  readonly made: string | null;
  /** Digests of contents that a person let start, the newest last. */
  readonly contents: readonly string[];
  /** What the repository had of it when it was last let start; `null`: nothing. */
  readonly entry: string | null;
}

/** Which configuration files may start programs. Kept with the user, not with the project. */
export interface TrustStore {
  of(path: string): Remembered;
  /** Replaces what is remembered. Throws where nothing can be kept. */
  keep(remembered: Remembered): void;
}

/** Going back to an earlier branch asks nothing. */
const MAX_CONTENTS = 100;

export function trustStore(env: Environment, platform: NodeJS.Platform = process.platform): TrustStore {
  const folderOfAll = (): string => join(stateFolder(env, platform), "trusted");
  const fileOf = (folder: string, path: string): string =>
    join(folder, `${createHash("sha256").update(path).digest("hex").slice(0, 32)}.json`);
  return {
    of(path) {
      const nothing = { path, made: null, contents: [], entry: null };
      try {
        const folder = folderOfAll();
        if (privateFolder(folder).kind === "refused") return nothing;
        const { made, contents, entry, ...kept } = JSON.parse(readFileSync(fileOf(folder, path), "utf8")) as Remembered;
        if (kept.path !== path || !Array.isArray(contents)) return nothing;
        return {
          path,
          made: typeof made === "string" ? made : null,
          contents,
          entry: typeof entry === "string" ? entry : null,
        };
      } catch {
        return nothing;
      }
    },
    keep(remembered) {
      const folder = folderOfAll();
      const ready = privateFolder(folder);
      if (ready.kind === "refused") throw new Error(ready.detail);
      const kept = { v: 1, ...remembered, contents: remembered.contents.slice(-MAX_CONTENTS) };
      replaceFile(fileOf(folder, remembered.path), `${JSON.stringify(kept, undefined, 2)}\n`);
    },
  };
}

/**
 * Which folder it is that holds a file: another one that takes its place has another name. Not the file itself, which
 * editors replace.
 */
export function folderOf(path: string): string | undefined {
  const stats = statSync(dirname(path), { bigint: true, throwIfNoEntry: false });
  return stats && `${stats.ino} ${stats.birthtimeNs}`;
}

/** https://specifications.freedesktop.org/basedir-spec/latest/ */
function stateFolder(env: Environment, platform: NodeJS.Platform): string {
  const name = "radium-mcp-proxy";
  if (env.XDG_STATE_HOME && isAbsolute(env.XDG_STATE_HOME)) return join(env.XDG_STATE_HOME, name);
  const home = env.HOME || homeOfUser();
  if (platform === "darwin") return join(home, "Library/Application Support", name);
  if (platform === "win32" && env.LOCALAPPDATA) return join(env.LOCALAPPDATA, name);
  return join(home, ".local/state", name);
}

/** Users of containers may have none. */
function homeOfUser(): string {
  try {
    return homedir();
  } catch {
    throw new Error("this user has no home folder: set HOME or XDG_STATE_HOME to where it can be kept");
  }
}
