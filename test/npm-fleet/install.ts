import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "../fixtures/build.ts";
import { SERVERS } from "./servers.ts";

/** A server that can be started. */
export interface Installed {
  readonly name: string;
  /** Its name as an upstream. */
  readonly upstream: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Where it runs. */
  readonly cwd: string;
}

const FLEET = join(ROOT, "test/peers/npm-fleet");

/** Installs what the lock file names, unless that is there. No program of a package runs while it is installed. */
export function installServers(): void {
  const installed = statSync(join(FLEET, "node_modules/.package-lock.json"), { throwIfNoEntry: false });
  if (installed && installed.mtimeMs >= statSync(join(FLEET, "package-lock.json")).mtimeMs) return;
  execFileSync("npm", ["ci", "--prefix", FLEET, "--ignore-scripts"], { stdio: "inherit" });
}

/** Every server of the table. Each runs in a folder of its own below `dir`, where nothing of the user's is. */
export function findServers(dir: string): Installed[] {
  return Object.entries(SERVERS).map(([name, { args = [], env = {} }]) => {
    const upstream = upstreamName(name);
    const cwd = join(dir, upstream);
    mkdirSync(cwd);
    const here = (text: string): string => text.replace(/^DIR\b/, cwd);
    const own = Object.entries(env).map(([variable, value]) => [variable, here(value)] as const);
    return {
      ...{ name, upstream, cwd, command: process.execPath, args: [programOf(name), ...args.map(here)] },
      env: { HOME: cwd, DO_NOT_TRACK: "1", CI: "1", ...Object.fromEntries(own) },
    };
  });
}

/** `@scope/mcp-server-x` → `scope-x`, of at most 32 characters. */
const upstreamName = (name: string): string =>
  name
    .toLowerCase()
    .split(/[^a-z\d]+/)
    .filter(word => !["", "mcp", "server"].includes(word))
    .join("-")
    .slice(0, 32)
    .replace(/^(?=\d)/, "n")
    .replace(/-$/, "");

/** The program of a package that is named as the package is, else its first, else the package itself. */
function programOf(name: string): string {
  const folder = join(FLEET, "node_modules", name);
  const { bin = {}, main } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as Manifest;
  const bins = typeof bin === "string" ? { [name]: bin } : bin;
  const path = bins[name.slice(name.indexOf("/") + 1)] ?? Object.values(bins)[0] ?? main;
  if (path === undefined) throw new Error(`${name} has no program`);
  return join(folder, path);
}

interface Manifest {
  readonly bin?: string | Readonly<Record<string, string>>;
  readonly main?: string;
}
