import { createHash } from "node:crypto";
import type { Kind } from "./catalog.ts";
import type { Payload } from "./payload.ts";
import { type Repair, repair } from "./repair.ts";
import type { SchemaRole, SchemaVerdicts } from "./schema-verdicts.ts";

/** A schema that only a compiler can judge. */
export interface OpenSchema {
  readonly role: SchemaRole;
  /** JSON text. */
  readonly text: string;
}

/** Repairs definitions, and those that it has seen before without looking at them again. */
export interface Repairs {
  of(kind: Kind, definition: Payload): Repair;
  /** What must be compiled before `of` can say the last word on this definition. */
  open(kind: Kind, definition: Payload): readonly OpenSchema[];
  /** Whether it is so large that it is to be looked at elsewhere, and that has not been done. */
  isTooLarge(kind: Kind, definition: Payload): boolean;
  /** What was found out elsewhere about a definition. */
  learn(kind: Kind, definition: Payload, repair: Repair): void;
}

/** A larger definition would take too much time in one piece. */
const LARGE_BYTES = 16 * 1024;
const NOT_LOOKED_AT: Repair = { kind: "hidden", reason: "it is large, and is still being looked at" };

/** Several agents may see catalogs of their own, mostly made of the same definitions. */
const MOST_KEPT = 20_000;

/** `offThread`: whether somebody learns elsewhere what is the matter with large definitions. */
export function createRepairs(
  verdicts: SchemaVerdicts,
  { most = MOST_KEPT, offThread = false }: { readonly most?: number; readonly offThread?: boolean } = {},
): Repairs {
  /** By the bytes of the definition; `kept` stands for those that are well as they are, which are not kept alive. */
  let known = new Map<string, Repair | "kept">();
  /** Those that were known before the newest half; to take single ones out of a table makes it slow. */
  let older: typeof known = new Map();
  /** What was asked for lately need not be hashed again. */
  const seen = new WeakMap<Payload, Repair>();

  const keyOf = (kind: Kind, definition: Payload): string =>
    `${kind} ${createHash("sha256").update(definition.bytes).digest("base64")}`;

  function knownOf(kind: Kind, definition: Payload): Repair | undefined {
    const again = seen.get(definition);
    if (again) return again;
    const key = keyOf(kind, definition);
    let found = known.get(key);
    if (!found) {
      found = older.get(key);
      if (found) known.set(key, found);
    }
    const repair: Repair | undefined = found === "kept" ? { kind: "kept", definition } : found;
    if (repair) seen.set(definition, repair);
    return repair;
  }

  function learn(kind: Kind, definition: Payload, found: Repair): void {
    if (known.size >= most / 2) {
      older = known;
      known = new Map();
    }
    known.set(keyOf(kind, definition), found.kind === "kept" ? "kept" : found);
    seen.set(definition, found);
  }

  function look(kind: Kind, definition: Payload): { repair: Repair; open: readonly OpenSchema[] } {
    const before = knownOf(kind, definition);
    if (before) return { repair: before, open: [] };
    if (offThread && definition.size > LARGE_BYTES) return { repair: NOT_LOOKED_AT, open: [] };
    const open: OpenSchema[] = [];
    const found = repair(kind, definition, (role, text) => {
      const verdict = verdicts(role, text);
      if (verdict.kind === "unknown") open.push({ role, text });
      return verdict;
    });
    if (open.length > 0) return { repair: found, open };
    learn(kind, definition, found);
    return { repair: found, open };
  }

  return {
    of: (kind, definition) => look(kind, definition).repair,
    open: (kind, definition) => look(kind, definition).open,
    isTooLarge: (kind, definition) => offThread && definition.size > LARGE_BYTES && !knownOf(kind, definition),
    learn,
  };
}
