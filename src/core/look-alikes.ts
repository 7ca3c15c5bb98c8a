import type { Kind, LookAlikes } from "./catalog.ts";
import { CONFUSABLES } from "./confusables.ts";
import type { NativeName, UpstreamName } from "./names.ts";
import { each, type Steps } from "./steps.ts";

interface Named {
  readonly upstream: UpstreamName;
  readonly native: NativeName;
}

const MAX_SHOWN = 20;
const MAX_GROUPS = 100;
const MAX_SHOWN_NAME = 200;
/** Of one name, in characters: what follows is compared as it is. */
const MAX_LOOKED_AT = 64;
/** Of all names beyond ASCII in one list, in characters; the rest is not looked at. */
const EFFORT = 100_000;

/** Groups of names of one kind that look alike. */
export function* lookAlikes(kind: Kind, candidates: readonly Named[]): Steps<LookAlikes[]> {
  let effort = EFFORT;
  const groups = new Map<string, { natives: Set<string>; members: Named[] }>();
  yield* each(candidates, candidate => {
    // URIs of plain letters are told apart by programs; case and digits are part of them.
    if ((kind === "resource" || kind === "template") && PLAIN.test(candidate.native)) return;
    const { native } = candidate;
    const [head, tail] = [native.slice(0, MAX_LOOKED_AT), native.slice(MAX_LOOKED_AT)];
    if (!PLAIN.test(head)) effort -= head.length;
    if (effort < 0) return;
    const key = skeleton(head) + tail;
    const group = groups.get(key) ?? { natives: new Set(), members: [] };
    groups.set(key, group);
    group.natives.add(candidate.native);
    group.members.push(candidate);
  });
  const alike = [...groups.values()].filter(({ natives }) => natives.size > 1).slice(0, MAX_GROUPS);
  return alike.map(({ members }) => ({
    kind,
    names: members
      .slice(0, MAX_SHOWN)
      .map(({ upstream, native }) => ({ upstream, name: native.slice(0, MAX_SHOWN_NAME) })),
    more: Math.max(0, members.length - MAX_SHOWN),
  }));
}

const PLAIN = /^[\x20-\x7e]*$/;
/** What is not seen: zero-width and direction characters, variation selectors, soft hyphens, tags. */
const UNSEEN = /\p{Default_Ignorable_Code_Point}|\p{Cc}/gu;

/**
 * Equal for texts that look alike: without what is not seen, in one width and one case, with a plain letter in the place
 * of each that is drawn like it. After https://www.unicode.org/reports/tr39/#Confusable_Detection
 */
export function skeleton(text: string): string {
  const plain = PLAIN.test(text) ? text.toLowerCase() : plainLetters(text);
  return plain.replaceAll(/[i1|]/g, "l").replaceAll("0", "o").replaceAll("rn", "m").replaceAll("vv", "w");
}

function plainLetters(text: string): string {
  const once = text.normalize("NFKC").replaceAll(UNSEEN, "").toLowerCase();
  // The case of a letter may have hidden what it is composed of.
  const folded = once.normalize("NFKC").replaceAll(/\u0307/g, "");
  return Array.from(folded, letter => CONFUSABLES.get(letter) ?? letter).join("");
}
