import { createHash } from "node:crypto";
import { type PublicName, publicName } from "./names.ts";
import { each, mapped, type Steps } from "./steps.ts";

/** Stands between a prefix and the rest; no prefix contains it or ends in a part of it. */
export const SEPARATOR = "__";
const MAX_PREFIX_LENGTH = 16;
const HASH_LENGTH = 6;
const BASE32 = "abcdefghijklmnopqrstuvwxyz234567";

/** Something to be listed. */
export interface Wish {
  /** The upstream, or the group of upstreams, that offers it. */
  readonly owner: string;
  readonly native: string;
  readonly prefixed: boolean;
}

/** Owner → prefix; no two owners have the same one. Earlier owners have the better claim. */
export type Prefixes = ReadonlyMap<string, string>;

/** Prefixes for upstreams and groups, given in configuration order. */
export function prefixesFor(owners: Iterable<string>): Prefixes {
  const unique = [...new Set(owners)];
  const prefixes = new Map<string, string>();
  const taken = new Set<string>();
  const claim = (owner: string, prefix: string): boolean => {
    if (taken.has(prefix)) return false;
    taken.add(prefix);
    prefixes.set(owner, prefix);
    return true;
  };
  // Whoever needs no change comes first, so that nobody takes another's name by being spelled like its prefix.
  for (const owner of unique) if (prefixOf(owner) === owner) claim(owner, owner);
  for (const owner of unique) {
    if (prefixes.has(owner) || claim(owner, prefixOf(owner))) continue;
    const head = prefixOf(owner)
      .slice(0, MAX_PREFIX_LENGTH - HASH_LENGTH - 1)
      .replace(/[_-]+$/, "");
    let round = 0;
    while (!claim(owner, `${head}_${hash([owner], round)}`)) round++;
  }
  return new Map(unique.map(owner => [owner, prefixes.get(owner)!]));
}

function prefixOf(owner: string): string {
  const clean = startWithLetter(sanitise(owner).replaceAll(/_{2,}/g, "_"));
  return clean.slice(0, MAX_PREFIX_LENGTH).replace(/[_-]+$/, "");
}

/**
 * One public name for each wish, no two alike: `[A-Za-z][A-Za-z0-9_-]*`, at most `maxNameLength` (24 or more) long. A name
 * that must be changed to fit, or that others want as well, ends in a hash of its owner and native name; one that needs
 * no change keeps it, whoever else wants it.
 */
export function* assignNames(wishes: readonly Wish[], prefixes: Prefixes, maxNameLength: number): Steps<PublicName[]> {
  const desired = yield* mapped(wishes, wish => desire(wish, prefixes));
  const claims = new Map<string, number>();
  yield* each(desired, ({ name, exact }) => {
    if (!exact) claims.set(name, (claims.get(name) ?? 0) + 1);
  });
  const names = new Array<string | undefined>(wishes.length).fill(undefined);
  const taken = new Set<string>();
  const assign = (index: number, name: string): boolean => {
    if (names[index] !== undefined || name.length > maxNameLength || taken.has(name)) return false;
    names[index] = name;
    taken.add(name);
    return true;
  };
  const wanted = (want: (index: number) => boolean): Steps<void> =>
    each(desired, ({ name }, index) => {
      if (want(index)) assign(index, name);
    });
  yield* wanted(index => desired[index]!.exact && !wishes[index]!.prefixed);
  yield* wanted(index => desired[index]!.exact);
  yield* wanted(index => claims.get(desired[index]!.name) === 1);
  yield* each(wishes, (wish, index) => {
    const head = desired[index]!.name.slice(0, maxNameLength - HASH_LENGTH - 1);
    for (let round = 0; names[index] === undefined; round++) {
      assign(index, `${head}_${hash([wish.owner, wish.native], round)}`);
    }
  });
  return names.map(name => publicName(name!));
}

/** The name that a wish would have if it were alone, and whether the native name stands in it unchanged. */
function desire(wish: Wish, prefixes: Prefixes): { name: string; exact: boolean } {
  const clean = sanitise(wish.native);
  if (!wish.prefixed) {
    const name = startWithLetter(clean);
    return { name, exact: name === wish.native };
  }
  return { name: prefixedName(wish, prefixes), exact: clean === wish.native };
}

/** The name with its prefix, be it too long or wanted by others. */
export function prefixedName({ owner, native }: Pick<Wish, "owner" | "native">, prefixes: Prefixes): string {
  return `${prefixes.get(owner)!}${SEPARATOR}${sanitise(native)}`;
}

/** What a bare name begins with, if it looks like a prefixed one. */
export function prefixIn(native: string): string | undefined {
  const name = startWithLetter(sanitise(native));
  const at = name.indexOf(SEPARATOR);
  return at < 0 ? undefined : name.slice(0, at);
}

const sanitise = (text: string): string => text.replaceAll(/[^A-Za-z0-9_-]/gu, "_");
const startWithLetter = (text: string): string => (/^[A-Za-z]/.test(text) ? text : `u${text}`);

function hash(parts: readonly string[], round: number): string {
  const digest = createHash("sha256")
    .update([...parts, ...(round > 0 ? [String(round)] : [])].join("\0"))
    .digest();
  return Array.from(digest.subarray(0, HASH_LENGTH), byte => BASE32[byte & 31]).join("");
}
