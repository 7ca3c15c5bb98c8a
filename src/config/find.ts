/** Where the configuration file is: all that a command needs to know that does not read it. */
import { statSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";

export const FOLDER = ".radium";
export const FILE = "mcp-proxy.toml";
/** Lets others change the file, where something else protects it: in containers, on foreign file systems. */
export const INSECURE_VARIABLE = "RADIUM_ALLOW_INSECURE_CONFIG";

/** The nearest `.radium/mcp-proxy.toml` at or above `cwd`. */
export const findConfig = (cwd: string): string | undefined => nearestWith(cwd, FILE);

/** Where the file would be that the nearest `.radium` with such a thing in it belongs to. */
export function nearestWith(cwd: string, path: string): string | undefined {
  for (let folder = resolve(cwd); ; folder = dirname(folder)) {
    if (isThere(join(folder, FOLDER, path))) return join(folder, FOLDER, FILE);
    if (folder === dirname(folder)) return undefined;
  }
}

/** A file that this user may not look at is there: its reader says so. */
function isThere(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false }) !== undefined;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EACCES";
  }
}

/** What relative paths in the file are relative to: the folder that holds `.radium/`, else the file's own folder. */
export function baseDirOf(configPath: string): string {
  const folder = dirname(resolve(configPath));
  return basename(folder) === FOLDER ? dirname(folder) : folder;
}
