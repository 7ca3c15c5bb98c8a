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
}

/** Several agents may see catalogs of their own, mostly made of the same definitions. */
const MOST_KEPT = 20_000;

export function createRepairs(verdicts: SchemaVerdicts, most = MOST_KEPT): Repairs {
  /** By the bytes of the definition; `kept` stands for those that are well as they are, which are not kept alive. */
  const known = new Map<string, Repair | "kept">();

  function look(kind: Kind, definition: Payload): { repair: Repair; open: readonly OpenSchema[] } {
    const key = `${kind} ${createHash("sha256").update(definition.bytes).digest("base64")}`;
    const before = known.get(key);
    if (before) return { repair: before === "kept" ? { kind: "kept", definition } : before, open: [] };
    const open: OpenSchema[] = [];
    const found = repair(kind, definition, (role, text) => {
      const verdict = verdicts(role, text);
      if (verdict.kind === "unknown") open.push({ role, text });
      return verdict;
    });
    if (open.length > 0) return { repair: found, open };
    const [oldest] = known.keys();
    if (known.size >= most && oldest !== undefined) known.delete(oldest);
    known.set(key, found.kind === "kept" ? "kept" : found);
    return { repair: found, open };
  }

  return {
    of: (kind, definition) => look(kind, definition).repair,
    open: (kind, definition) => look(kind, definition).open,
  };
}
