import { isUtf8 } from "node:buffer";
import { expect, test } from "vitest";
import type { Member, Members } from "../../src/core/members.ts";
import { scanObject } from "../../src/core/scan.ts";
import {
  AGENT_BATCH,
  AGENT_MESSAGE,
  AGENT_TEXT,
  CONTAINER_COUNTS,
  DEFINITION_TEXT,
  OWN_TEXT,
  SCANNED_TEXT,
  ScanError,
  type ScanLimits,
  SHOWN_TEXT,
  UPSTREAM_MESSAGE,
  UPSTREAM_TEXT,
} from "../../src/core/scan-limits.ts";
import { seedsOf } from "./corpus.ts";
import { SEED, seeded } from "./random.ts";
import { LIMIT_MS, relatives } from "./traffic.ts";

const MUTATIONS = 100_000;
const TIGHT = { maxDepth: 6, maxKeys: 20, maxElements: 40 };
const SETS: readonly ScanLimits[] = [
  ...[AGENT_TEXT, AGENT_MESSAGE, AGENT_BATCH, UPSTREAM_TEXT, UPSTREAM_MESSAGE, SHOWN_TEXT, DEFINITION_TEXT, OWN_TEXT],
  ...[SCANNED_TEXT, { ...AGENT_TEXT, ...TIGHT }, { ...UPSTREAM_TEXT, ...TIGHT }],
];

/** What a text is to whoever takes it apart with the language's own means, and slowly. */
interface Judged {
  readonly value: Record<string, unknown>;
  readonly depth: number;
  readonly keys: number;
  readonly elements: number;
  /** Whether a key stands twice in any object. */
  readonly repeats: boolean;
}

function judged(text: Buffer): Judged | undefined {
  if (!isUtf8(text)) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text.toString());
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  return { value: value as Record<string, unknown>, ...counted(text.toString()) };
}

/** Only for text that is JSON. */
function counted(text: string): Omit<Judged, "value"> {
  const open: (Set<string> | "array")[] = [];
  let [depth, keys, elements, repeats] = [0, 0, 0, false];
  const tokens = text.match(/"(?:[^"\\]|\\.)*"\s*:?|[[\]{}]|[^\s"[\]{},:]+/gs) ?? [];
  for (const token of tokens) {
    const around = open.at(-1);
    if (token === "]" || token === "}") {
      open.pop();
      continue;
    }
    if (token.startsWith('"') && token.endsWith(":")) {
      keys++;
      const key = wellFormed(JSON.parse(token.slice(0, -1)));
      if (around instanceof Set) repeats = around.size === around.add(key).size || repeats;
      continue;
    }
    const isContainer = token === "{" || token === "[";
    if (around === "array") elements += isContainer ? CONTAINER_COUNTS : 1;
    if (isContainer) depth = Math.max(depth, open.push(token === "[" ? "array" : new Set()));
  }
  return { depth, keys, elements, repeats };
}

/** Halves of characters are all the same to many readers. */
const wellFormed = (key: string): string => key.replace(/\p{Cs}/gu, "\ufffd");

function reasonOf(text: Buffer, limits: ScanLimits): ScanError["reason"] | Members {
  try {
    return scanObject(text, limits).members!;
  } catch (error) {
    if (error instanceof ScanError) return error.reason;
    throw error;
  }
}

/** Whether every member says what `JSON.parse` has of it. */
function expectMembers(text: Buffer, members: Members, value: Record<string, unknown>): void {
  expect([...members.keys()].sort()).toEqual(Object.keys(value).sort());
  for (const [key, member] of members) {
    const parsed = JSON.parse(text.toString("utf8", member.start, member.end));
    expect(parsed).toEqual(value[key]);
    if (member.members) expectMembers(text, member.members, parsed);
    if (member.keys) expect(keysAt(text, member).sort()).toEqual(Object.keys(parsed).sort());
  }
}

const keysAt = (text: Buffer, { keys = [] }: Member): string[] =>
  keys.flatMap((start, at) => (at % 2 === 0 ? [JSON.parse(text.toString("utf8", start, keys[at + 1]))] : []));

const OVER: ReadonlySet<unknown> = new Set(["too_deep", "too_many"]);

function isRight(found: ReturnType<typeof reasonOf>, is: Judged | undefined, limits: ScanLimits): boolean {
  if (!is) return found === "syntax" || OVER.has(found);
  if (is.depth > limits.maxDepth || is.keys > limits.maxKeys || is.elements > limits.maxElements)
    return OVER.has(found);
  if (is.keys > limits.maxNoted && OVER.has(found)) return true;
  if (is.repeats && limits.duplicates === "refused") return found === "ambiguous";
  if (is.repeats || limits.section.twins !== undefined) return typeof found !== "string" || found === "ambiguous";
  // Where no name means anything, a key that stands twice is the only doubt that there can be.
  return typeof found !== "string";
}

test(`${MUTATIONS} malformed relatives of messages are judged as JSON.parse judges them, seed ${SEED}`, {
  timeout: LIMIT_MS,
}, () => {
  const seeds = [...seedsOf("requests"), ...seedsOf("messages")];
  const wrong: string[] = [];
  let accepted = 0;
  for (const { bytes } of [...seeds, ...relatives(seeds, MUTATIONS, seeded(SEED + 30))]) {
    const is = judged(bytes);
    for (const limits of SETS) {
      const found = reasonOf(bytes, limits);
      if (!isRight(found, is, limits)) {
        const what = typeof found === "string" ? found : "accepted";
        wrong.push(`${what} within ${limits.section.name}: ${bytes.toString("latin1").slice(0, 500)}`);
      }
      if (is && typeof found !== "string" && accepted++ % 64 === 0) expectMembers(bytes, found, is.value);
    }
  }
  expect(wrong.slice(0, 10), `${wrong.length} in all`).toEqual([]);
  expect(accepted).toBeGreaterThan(MUTATIONS / 4);
});
