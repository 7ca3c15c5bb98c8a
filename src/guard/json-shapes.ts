import type { Hints } from "./hints.ts";
import { isSecretName } from "./secret-names.ts";

/** What a walk over JSON text does about its strings. */
export interface JsonRules {
  readonly hints: Hints;
  /** Tells of a string without a hint whether it must be looked at all the same; absent when hints suffice. */
  readonly isSuspect: ((text: string) => boolean) | undefined;
  isSecretName(name: string): boolean;
  redactName(name: string): string;
  redactText(text: string): string;
  /** Whether a number, as it is spelled, is secret. */
  isSecretNumber(number: string): boolean;
}

/** Which members and elements of JSON belong together. */

const words = (text: string): ReadonlySet<string> => new Set(text.split(/\s+/));

/** Members that say what another one of their object is: `{"name":"API_KEY","value":"…"}`, `{"type":"password","text":"…"}`. */
export const NAMING = words(
  `name key header field variable label id title param parameter property attribute type kind format autocomplete
  placeholder inputtype input_type prop env envname env_name secretname role aria-label hint caption question prompt
  k description setting option flag column element selector target locator xpath css aria_label`,
);
/** Those of them that say it in a sentence. */
export const SPOKEN = words(
  "label placeholder aria-label aria_label hint caption question prompt element selector target locator xpath css field",
);
/** Members that may be what the others speak of. */
export const NAMED = words(
  `value val text content data default defaultvalue default_value current currentvalue initialvalue initial input answer
  v string body secret contents plaintext plain raw result response entered typed newvalue new_value oldvalue old_value`,
);
/** Members that name the columns of what stands in those below. */
export const COLUMNS = words("columns headers header fields fieldnames field_names cols keys schema");
export const ROWS = words("rows data values records result results items tuples body");

/** In a longer list a word behind a name is the next name. */
export const PLAIN_WORD = /^[\p{L}_ -]{0,24}$/u;
export const KEY_BEGINS = /-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY/;
/** Options that may take a key; numbers, paths and plain words behind them are none. */
export const LETTER = /^(?:-[kpPu]|--?(?:key|pat|auth))$/;
export const HARMLESS = /^"(?:[\w.]{0,3}"|[\d:.,/-]+"|[~./-]|[a-z]+(?:[-_][a-z]+)*")|^[^"]/;

/** What an element of an array says of the next one. */
export type Kind = "flag" | "letter" | "name" | "key" | undefined;

/** A sentence about passwords names none. */
const LONGEST = 64;
const SINGLE_NAME = /^[\p{L}\p{M}\w. :*?_-]{1,64}$/u;

/** Whether a text is a name that says that something is secret; `spoken`: or says so in its own words. */
export function namesSecret(text: string, isSecret: (name: string) => boolean, spoken: boolean): boolean {
  if (text.length > LONGEST) return false;
  if (SINGLE_NAME.test(text) && isSecret(text.replace(/[\s:*?]+$/, ""))) return true;
  return spoken && text.split(/[^\p{L}\p{M}\p{N}_.-]+/u).some(isSecret);
}

const LONGEST_COLUMNS = 8_192;

/** Which columns are secret, of a list of names or of objects with names. */
export function secretColumns(json: Buffer): readonly number[] {
  if (json.length > LONGEST_COLUMNS) return [];
  try {
    const found: unknown = JSON.parse(json.toString("utf8"));
    if (!Array.isArray(found)) return [];
    return found.flatMap((one, at) => {
      const name: unknown = typeof one === "object" && one !== null ? (one as { name?: unknown }).name : one;
      return typeof name === "string" && isSecretName(name) ? [at] : [];
    });
  } catch {
    return [];
  }
}
