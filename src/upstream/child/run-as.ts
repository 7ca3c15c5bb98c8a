import { type SpawnOptions, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import type { Account, FoundAccount } from "../../lib/users.ts";

/** Whom the configuration wants a child to run as. */
export interface RunAs {
  readonly user: string;
  readonly found: FoundAccount;
}

/** Its message is for a person. */
export class CannotRunAs extends Error {
  readonly code = "CANNOT_RUN_AS";
}

const LOOK_MS = 2_000;

/** What makes a child run as somebody. The system takes all other groups away. Throws `CannotRunAs`. */
export function optionsOf({ user, found }: RunAs, cwd: string): Pick<SpawnOptions, "uid" | "gid"> {
  if (!found.ok) throw new CannotRunAs(`${found.message}; ${found.help}`);
  const { uid, gid } = found.account;
  // The folder is entered before the user is changed, so that nobody would notice.
  if (!mayEnter(cwd, found.account)) {
    throw new CannotRunAs(
      `user ${JSON.stringify(user)} may not enter the working directory ${cwd}; give "cwd" a folder that it may enter, or let it in`,
    );
  }
  return isAlready(found.account) ? {} : { uid, gid };
}

const isAlready = ({ uid, gid }: Account): boolean =>
  process.getuid?.() === uid && process.getgid?.() === gid && uid !== 0;

/** Asks the system, since more than the mode of a folder decides. What is missing is complained about elsewhere. */
function mayEnter(cwd: string, account: Account): boolean {
  if (isAlready(account) || !existsSync(cwd)) return true;
  const { uid, gid } = account;
  const look = { uid, gid, cwd: "/", env: {}, stdio: "ignore", timeout: LOOK_MS } as const;
  const { status, error } = spawnSync("/bin/sh", ["-c", 'cd -- "$0"', cwd], look);
  return error !== undefined || status === 0;
}
