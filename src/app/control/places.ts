import { createHash } from "node:crypto";
import { accessSync, constants, existsSync, realpathSync } from "node:fs";
import { basename, dirname, join, relative, resolve } from "node:path";
import { baseDirOf, FILE, FOLDER, findConfig, nearestWith } from "../../config/find.ts";
import { type Environment, platformOf } from "../../lib/platform.ts";
import { RUN_FILE } from "../../lib/run-file.ts";

/** Where one instance keeps its things. An instance is its configuration file; the demo's is the folder it runs in. */
export interface Places {
  /** Absolute, `null` for the demo. The folder has one name, whichever links lead there; the file may be a link. */
  readonly configPath: string | null;
  /** Relative paths in the configuration, and children's working directory. */
  readonly baseDir: string;
  /** Run file, logs, last known catalogs. */
  readonly runDir: string;
  readonly socket: string;
}
export type PlacesResult =
  | { readonly ok: true; readonly places: Places }
  | { readonly ok: false; readonly detail: string };

/** What the user said about which instance is meant. */
export interface Selection {
  readonly config?: string | undefined;
  readonly demo?: boolean | undefined;
}
export interface Surroundings {
  readonly cwd: string;
  readonly env: Environment;
}

/** The folder of a user's sockets, below the one that the system keeps for him. */
const SOCKETS = "radium-mcp-proxy";

/** `undefined`: there is no configuration file at or above the working directory, and no demo has run there. */
export function locate(selection: Selection, around: Surroundings): PlacesResult | undefined {
  if (selection.demo) return demoPlaces(around);
  if (selection.config !== undefined) return configPlaces(resolve(around.cwd, selection.config), around.env);
  // A gateway can be seen and ended also when its file is gone.
  const found = findConfig(around.cwd) ?? nearestWith(around.cwd, join("run", RUN_FILE));
  if (found !== undefined) return configPlaces(found, around.env);
  const demo = demoPlaces(around);
  return demo.ok && existsSync(demo.places.runDir) ? demo : undefined;
}

function configPlaces(path: string, env: Environment): PlacesResult {
  // What a link in it leads to is its content, and may be another file later: mounted configurations swap such links.
  const named = baseDirOf(path);
  const configPath = join(withoutLinks(named), relative(named, path));
  const sockets = socketFolder(env);
  if (!sockets.ok) return sockets;
  const id = hash(configPath);
  const runDir = isWritable(dirname(configPath)) ? runDirOf(configPath, id) : join(sockets.path, `run-${id}`);
  const socket = join(sockets.path, `${id}.sock`);
  return { ok: true, places: { configPath, baseDir: baseDirOf(configPath), runDir, socket } };
}

/** A file of another name or in another place is another instance, and shares nothing with its neighbours. */
function runDirOf(configPath: string, id: string): string {
  const folder = dirname(configPath);
  const run = join(baseDirOf(configPath), FOLDER, "run");
  const usual = basename(folder) === FOLDER && basename(configPath) === FILE;
  return usual ? run : join(run, `${basename(configPath, ".toml")}-${id.slice(0, 8)}`);
}

function demoPlaces({ cwd, env }: Surroundings): PlacesResult {
  const baseDir = withoutLinks(cwd);
  const sockets = socketFolder(env);
  if (!sockets.ok) return sockets;
  const id = `demo-${hash(`demo\0${baseDir}`)}`;
  const places = {
    configPath: null,
    baseDir,
    runDir: join(sockets.path, `run-${id}`),
    socket: join(sockets.path, `${id}.sock`),
  };
  return { ok: true, places };
}

/** Sockets have short paths: where the system's folder lies too deep, `/tmp` holds them. */
export function socketFolder(env: Environment): { ok: true; path: string } | { ok: false; detail: string } {
  const platform = platformOf();
  const uid = process.getuid?.() ?? 0;
  for (const choice of [env, { TMPDIR: "/tmp" }]) {
    const runtime = platform.runtimeDir(choice, uid);
    if (!runtime.ok) return { ok: false, detail: runtime.message };
    const path = join(runtime.path, SOCKETS);
    if (Buffer.byteLength(join(path, `demo-${hash("")}.sock`)) <= platform.maxSocketPathBytes)
      return { ok: true, path };
  }
  return { ok: false, detail: "the path of the runtime directory is too long for a socket; set XDG_RUNTIME_DIR" };
}

const hash = (text: string): string => createHash("sha256").update(text).digest("hex").slice(0, 16);

function withoutLinks(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return resolve(path);
  }
}

function isWritable(folder: string): boolean {
  try {
    accessSync(folder, constants.W_OK);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ENOENT";
  }
}
