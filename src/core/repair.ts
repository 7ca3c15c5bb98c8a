import type { Kind } from "./catalog.ts";
import { mendMembers, OPTIONAL_MEMBERS, replaced } from "./definition-shapes.ts";
import type { Payload } from "./payload.ts";
import { repairTool } from "./repair-tool.ts";
import { scanFault } from "./scan-fault.ts";
import { DEFINITION_TEXT, SHOWN_TEXT } from "./scan-limits.ts";
import type { SchemaVerdicts } from "./schema-verdicts.ts";
import { spliced } from "./splice.ts";

/** What a strict client can be shown of a definition. */
export type Repair =
  | { readonly kind: "kept"; readonly definition: Payload }
  | { readonly kind: "repaired"; readonly definition: Payload; readonly reason: string }
  | { readonly kind: "hidden"; readonly reason: string };

/** The member that identifies a definition of each kind. */
export const IDENTITY: Readonly<Record<Kind, string>> = {
  tool: "name",
  prompt: "name",
  resource: "uri",
  template: "uriTemplate",
};

/** Bytes never change, so that nothing is looked at twice; it goes with the definition. */
const LOOKED_AT = new WeakMap<Payload, { readonly fault: string | undefined }>();

/** Why a definition would break every list that it is in, wherever it is shown; `undefined` when it would not. */
export function malformed(definition: Payload): string | undefined {
  const known = LOOKED_AT.get(definition) ?? {
    fault: scanFault(definition.bytes, { ...SHOWN_TEXT, duplicates: "last_counts" }),
  };
  LOOKED_AT.set(definition, known);
  return known.fault;
}

/**
 * Makes one definition fit for strict clients, which drop a whole list for one bad element. What can be left out or
 * filled in without a change of meaning is, and no more than that; a definition for which it cannot be done is hidden.
 */
export function repair(kind: Kind, definition: Payload, verdicts: SchemaVerdicts): Repair {
  const broken = scanFault(definition.bytes, DEFINITION_TEXT);
  if (broken !== undefined) return { kind: "hidden", reason: broken };
  const before = JSON.parse(definition.bytes.toString("utf8")) as Record<string, unknown>;
  const notes: string[] = [];
  let value: Readonly<Record<string, unknown>> = before;
  if ((kind === "resource" || kind === "template") && typeof value.name !== "string") {
    value = replaced(before, new Map([["name", before[IDENTITY[kind]]]]));
    notes.push(`name is missing, and ${IDENTITY[kind]} took its place`);
  }
  value = mendMembers(value, OPTIONAL_MEMBERS[kind], { path: "", notes });
  if (kind === "tool") {
    const tool = repairTool(definition, value, { verdicts, notes });
    if (tool.kind === "hidden") return tool;
    value = tool.value;
  }
  if (notes.length === 0) return { kind: "kept", definition };
  return { kind: "repaired", definition: spliced(definition, before, value), reason: `repaired: ${notes.join("; ")}` };
}
