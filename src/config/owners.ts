/**
 * Who can change the configuration file: its owner, and whoever may write to a folder on the way to it, or turn a link
 * there. Rights beyond owner and mode (access control lists) are not looked at.
 */
import {
  accessSync,
  constants,
  lstatSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  type Stats,
  statSync,
} from "node:fs";
import { userInfo } from "node:os";
import { basename, dirname, join } from "node:path";
import { FOLDER } from "./find.ts";
import { CONFIG_CODES, type ConfigCode, type Problem } from "./problem.ts";

/** Something on the way to a file. */
interface Step {
  readonly path: string;
  readonly kind: "folder" | "link" | "end";
  readonly stats: Stats;
}

export type Finding = Pick<Problem, "message" | "help"> & { readonly code: ConfigCode };

const MAX_LINKS = 40;
const EVERYBODY_WRITES = 0o002;
const GROUP_WRITES = 0o020;
const STICKY = 0o1000;
const EVERYBODY_PASSES = 0o001;
const ROOT = 0;

/** Every folder and link that is passed on the way from `/`, also behind links, then the file. Throws as `lstat` does. */
export function stepsTo(path: string): readonly Step[] {
  const steps: Step[] = [{ path: "/", kind: "folder", stats: lstatSync("/") }];
  const parts = path.split("/");
  let at = "/";
  let links = 0;
  while (parts.length > 0) {
    const part = parts.shift() ?? "";
    if (part === "" || part === ".") continue;
    if (part === "..") {
      at = dirname(at);
      continue;
    }
    const next = join(at, part);
    const stats = lstatSync(next);
    if (stats.isSymbolicLink()) {
      if (++links > MAX_LINKS) throw Object.assign(new Error("too many symbolic links"), { code: "ELOOP" });
      steps.push({ path: next, kind: "link", stats });
      const target = readlinkSync(next);
      if (target.startsWith("/")) at = "/";
      parts.unshift(...target.split("/"));
      continue;
    }
    at = next;
    steps.push({ path: next, kind: parts.some(rest => rest !== "" && rest !== ".") ? "folder" : "end", stats });
  }
  return steps;
}

/** The links on the way to a file; none where there is no such file. */
export function linksTo(path: string): readonly string[] {
  try {
    return stepsTo(path).flatMap(step => (step.kind === "link" ? [step.path] : []));
  } catch {
    return [];
  }
}

/** What is wrong with the owners and the rights on the way to an open file. `stats`: of the descriptor it is read from. */
export function checkOwners(path: string, stats: Stats): readonly Finding[] {
  const uid = process.geteuid?.();
  if (uid === undefined || isDescriptor(path, stats)) return [];
  const steps = stepsTo(path);
  const end = steps.at(-1)?.stats;
  if (end?.ino !== stats.ino || end?.dev !== stats.dev) return [{ code: "RAD1003", ...REPLACED }];
  return steps.flatMap(step => complaintsAbout(step, uid));
}

/** The same in words, for a file that is not being read; also whether everybody may write to the file itself. */
export function insecurities(path: string): readonly string[] {
  try {
    const stats = statSync(path);
    const open = process.platform !== "win32" && stats.isFile() && (stats.mode & EVERYBODY_WRITES) !== 0;
    const found = checkOwners(path, stats).filter(({ code }) => CONFIG_CODES[code].level === "error");
    return [
      ...found.map(({ message }) => message),
      ...(open ? [`everybody on this machine may write to ${path}`] : []),
    ];
  } catch {
    // It is gone, which is no danger.
    return [];
  }
}

/** Folders and links on the way to where a file is or may be that belong to somebody else. */
export function foreignOnTheWay(folder: string): readonly Finding[] {
  const uid = process.geteuid?.();
  if (uid === undefined) return [];
  try {
    return stepsTo(folder).flatMap(step => foreign(step, uid));
  } catch {
    // Nothing is there, or it cannot be looked at: the caller says so.
    return [];
  }
}

/** Whether users that are not its owner can come to the file, so that its own mode is all that protects it. */
export function isReachable(path: string): boolean {
  try {
    for (let folder = dirname(realpathSync(path)); ; folder = dirname(folder)) {
      if ((lstatSync(folder).mode & EVERYBODY_PASSES) === 0) return false;
      if (folder === dirname(folder)) return true;
    }
  } catch {
    return true;
  }
}

const REPLACED = { message: "the configuration file was replaced while it was read", help: "try again" };

/** Pipes that a shell hands over (`<(…)`) have no place in a folder. */
const isDescriptor = (path: string, stats: Stats): boolean => !stats.isFile() && /^\/(dev|proc)\//.test(path);

function complaintsAbout(step: Step, uid: number): readonly Finding[] {
  const belongs = foreign(step, uid);
  return belongs.length > 0 ? belongs : step.kind === "folder" ? writable(step) : [];
}

function foreign({ path, kind, stats }: Step, uid: number): readonly Finding[] {
  if (stats.uid === uid || stats.uid === ROOT) return [];
  const what = { folder: "the folder", link: "the link", end: "the file" }[kind];
  const who = `user ${stats.uid}, who can change the configuration and so run programs as you`;
  const help = `take it over: chown ${kind === "link" ? "-h " : ""}${uid} ${path}; or run as that user. If that user may do all that you may: ${ALLOW}`;
  return [{ code: "RAD1008", message: `${what} ${path} belongs to ${who}`, help }];
}

/** Each command reads the file for itself. */
const ALLOW = "--allow-insecure-config with each command, or RADIUM_ALLOW_INSECURE_CONFIG=1 in the environment";

/** In a sticky folder nobody can replace what is not his; in ours even that would be too much. */
function writable({ path, stats: { mode, gid } }: Step): readonly Finding[] {
  const isSticky = (mode & STICKY) !== 0 && basename(path) !== FOLDER;
  if (isSticky || (mode & (EVERYBODY_WRITES | GROUP_WRITES)) === 0 || isReadOnly(path)) return [];
  if (mode & EVERYBODY_WRITES) {
    const message = `everybody on this machine may write to the folder ${path}, replace the configuration and so run programs as you`;
    const help = `take the right away: chmod o-w ${path}. If you are the only user here: ${ALLOW}`;
    return [{ code: "RAD1009", message, help }];
  }
  if ((mode & GROUP_WRITES) === 0 || isPrivateGroup(gid)) return [];
  const message = `a group of users (${gid}) may write to the folder ${path}, replace the configuration and so run programs as you`;
  return [{ code: "RAD1010", message, help: `take the right away unless they may: chmod g-w ${path}` }];
}

/** On a file system that nobody can write to, as mounted configurations of orchestrators are, whatever the mode says. */
function isReadOnly(path: string): boolean {
  try {
    accessSync(path, constants.W_OK);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EROFS";
  }
}

/**
 * A group of nobody but this user (and root): many systems give each user one, with folders that it may write to.
 * `who`: throws where this user has no name, as in containers.
 */
export function isPrivateGroup(gid: number, who: () => { readonly username: string } = userInfo): boolean {
  if (gid === ROOT) return process.platform === "linux";
  if (gid !== process.getegid?.()) return false;
  const username = nameFrom(who);
  const line = groupLines().find(fields => fields[2] === String(gid));
  // A group that the file does not have is one of a directory service, and unknown.
  return (
    username !== undefined &&
    line?.[0] === username &&
    (line[3] ?? "").split(",").every(member => member === "" || member === username)
  );
}

function nameFrom(who: () => { readonly username: string }): string | undefined {
  try {
    return who().username;
  } catch {
    return undefined;
  }
}

function groupLines(): readonly (readonly string[])[] {
  try {
    return readFileSync("/etc/group", "utf8")
      .split("\n")
      .map(line => line.split(":"));
  } catch {
    return [];
  }
}
