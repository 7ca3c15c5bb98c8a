import { createHash } from "node:crypto";
import { canonicalJson } from "./canonical-json.ts";
import type { Payload } from "./payload.ts";

/** Equal exactly for definitions that are equal as a whole, whatever the order of their keys and their white space. */
export function definitionDigest(definition: Payload): string {
  const known = DIGESTS.get(definition);
  if (known !== undefined) return known;
  const digest = createHash("sha256").update(wholeDefinition(definition)).digest("base64");
  DIGESTS.set(definition, digest);
  return digest;
}

/** Bytes never change, so that nothing is looked at twice; it goes with the definition. */
const DIGESTS = new WeakMap<Payload, string>();
/** To put the keys of a larger one into order would take too long in one piece. */
const MOST_ORDERED_BYTES = 64 * 1024;

/** The same for one decision about several definitions, which are mostly the very same text. */
export function definitionDigests(): (definition: Payload) => string {
  const known = new Map<string, string>();
  return definition => {
    const text = definition.bytes.toString("latin1");
    const digest = known.get(text) ?? definitionDigest(definition);
    known.set(text, digest);
    return digest;
  };
}

/** Canonical JSON; the text as it is where parsing would lose something of it, or takes too long. */
export function wholeDefinition(definition: Payload): string {
  const text = definition.bytes.toString("utf8");
  if (definition.size > MOST_ORDERED_BYTES) return text;
  try {
    const value: unknown = JSON.parse(text);
    return isFaithful(text, value) ? canonicalJson(value) : text;
  } catch {
    // Malformed where the scan does not look, or too deep to be gone through.
    return text;
  }
}

const STRINGS = /"[^"\\]*(?:\\.[^"\\]*)*"/g;
const NUMBERS = /-?\d[\d.eE+-]*/g;

/** Whether a parsed value has every member and every digit of its text: twins of a key and large numbers are lost. */
function isFaithful(text: string, value: unknown): boolean {
  const bare = text.replaceAll(STRINGS, '""');
  const numbers = bare.match(NUMBERS) ?? [];
  return numbers.every(each => String(Number(each)) === each) && bare.split(":").length - 1 === membersOf(value);
}

function membersOf(value: unknown): number {
  if (typeof value !== "object" || value === null) return 0;
  const inner = Object.values(value);
  return inner.reduce<number>((sum, each) => sum + membersOf(each), Array.isArray(value) ? 0 : inner.length);
}
