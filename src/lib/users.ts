import { systemUsers, type UserWorld } from "./user-database.ts";

/** Who a child runs as. */
export interface Account {
  readonly uid: number;
  readonly gid: number;
  /** `undefined` for a number without a user. */
  readonly name: string | undefined;
  readonly home: string | undefined;
  readonly shell: string | undefined;
}

export type FoundAccount =
  | { readonly ok: true; readonly account: Account }
  | { readonly ok: false; readonly message: string; readonly help: string };

/**
 * The account of `user` or `user:group`, by names or numbers, as which a child can be started from here. Only root can be
 * somebody else; a user may name itself.
 */
export function findAccount(text: string, world: UserWorld = systemUsers): FoundAccount {
  if (world.uid === undefined) {
    return no(`a child cannot run as another user on this system`, `remove "user"`);
  }
  const [, user, group] = /^([^:]+)(?::([^:]+))?$/.exec(text) ?? [];
  if (user === undefined) {
    return no(`${JSON.stringify(text)} names no user`, 'write "user", "user:group", or numbers, such as "1000:1000"');
  }
  const entry = world.lookUp("passwd", user);
  const uid = numberOf(entry?.[2] ?? (group === undefined ? "" : user));
  if (uid === undefined) {
    return no(
      `there is no user ${JSON.stringify(user)} on this machine`,
      'use one that there is, or numbers: "1000:1000"',
    );
  }
  const gid = group === undefined ? numberOf(entry?.[3] ?? "") : groupOf(group, world);
  if (gid === undefined) {
    return no(`there is no group ${JSON.stringify(group ?? "")} on this machine`, "use one that there is, or a number");
  }
  if (world.uid !== 0 && (uid !== world.uid || gid !== world.gid)) {
    return no(
      "only root may run a child as another user, and this gateway is not run by root",
      'start it as root, or remove "user"',
    );
  }
  const [name, , , , , home, shell] = entry ?? [];
  return { ok: true, account: { uid, gid, name, home: home || undefined, shell: shell || undefined } };
}

/** Why a child cannot run as that user from here. */
export function userTrouble(text: string): { readonly message: string; readonly help: string } | undefined {
  const found = findAccount(text);
  return found.ok ? undefined : { message: found.message, help: found.help };
}

const no = (message: string, help: string): FoundAccount => ({ ok: false, message, help });

const groupOf = (group: string, world: UserWorld): number | undefined =>
  numberOf(world.lookUp("group", group)?.[2] ?? group);

/** The highest number is not one: it means "leave as it is". */
function numberOf(text: string): number | undefined {
  if (!/^\d{1,10}$/.test(text)) return undefined;
  const number = Number(text);
  return number < 2 ** 32 - 1 ? number : undefined;
}
