/** From values to a `Config`, or to every complaint that the schema has about them. */
import type * as z from "zod";
import { isTransport, type UpstreamTransport } from "./behind.ts";
import { complaintsOf, wording } from "./complaints.ts";
import type { Complaint, KeyPath } from "./problem.ts";
import { type Config, configSchema, UPSTREAM_SCHEMAS } from "./schema.ts";
import { upstreamLabel } from "./tables.ts";
import { pathId, upstreamsOf, valueAt } from "./values.ts";

export type Understood =
  | { readonly ok: true; readonly config: Config }
  | { readonly ok: false; readonly complaints: readonly Complaint[] };

/** `replaced`: ids of interpolated values, which may stand for numbers and booleans. Changes `root`. */
export function understand(root: unknown, replaced: ReadonlySet<string>): Understood {
  let result = configSchema.safeParse(root, { error: wording });
  while (!result.success && coerce(root, result.error.issues, replaced)) {
    result = configSchema.safeParse(root, { error: wording });
  }
  if (result.success) return { ok: true, config: result.data };
  const issues = [...result.error.issues, ...behindWrongTransports(root, result.error.issues)];
  return { ok: false, complaints: issues.flatMap(issue => complaintsOf(root, issue, replaced)) };
}

/** Turns interpolated text into the number or boolean that the schema wants. Tells whether anything changed. */
function coerce(root: unknown, issues: readonly z.core.$ZodIssue[], replaced: ReadonlySet<string>): boolean {
  let changed = false;
  for (const issue of issues) {
    const path = issue.path as KeyPath;
    const text = valueAt(root, path);
    if (issue.code !== "invalid_type" || typeof text !== "string" || !replaced.has(pathId(path))) continue;
    const value = issue.expected === "boolean" ? booleanIn(text) : numberIn(text);
    const holder = valueAt(root, path.slice(0, -1)) as Record<string | number, unknown>;
    if (value === undefined || !WANTS_SCALAR.has(issue.expected)) continue;
    holder[path.at(-1)!] = value;
    changed = true;
  }
  return changed;
}

const WANTS_SCALAR: ReadonlySet<string> = new Set(["number", "int", "boolean"]);

const booleanIn = (text: string): boolean | undefined => ({ true: true, false: false })[text.trim()];
const numberIn = (text: string): number | undefined =>
  /^[+-]?\d+(\.\d+)?$/.test(text.trim()) ? Number(text) : undefined;

/** Without a transport the schema does not look further into an upstream; a guess shows the rest of its problems. */
function behindWrongTransports(root: unknown, issues: readonly z.core.$ZodIssue[]): readonly z.core.$ZodIssue[] {
  const wrong = new Set(issues.filter(issue => issue.code === "invalid_union").map(issue => issue.path[1]));
  return upstreamsOf(root).flatMap(({ table, index }) => {
    if (!wrong.has(index)) return [];
    const transport = guess(table);
    if (transport === undefined) return [];
    const result = UPSTREAM_SCHEMAS[transport].safeParse({ ...table, transport }, { error: wording });
    return (result.error?.issues ?? []).map(issue => ({ ...issue, path: ["upstreams", index, ...issue.path] }));
  });
}

function guess(table: Record<string, unknown>): UpstreamTransport | undefined {
  if ("command" in table) return "stdio";
  return "url" in table ? "http" : undefined;
}

const ORIGINAL_KEYS = ["command", "args", "url"] as const;

/**
 * The original ignored `command`, `args` and `url` where the transport has no use for them; so do we, aloud.
 * Removes them from `root`.
 */
export function dropIdleKeys(root: unknown): readonly Complaint[] {
  return upstreamsOf(root).flatMap(({ table, index }) => {
    const transport = table.transport;
    if (!isTransport(transport)) return [];
    const shape: object = UPSTREAM_SCHEMAS[transport].shape;
    return ORIGINAL_KEYS.filter(key => key in table && !(key in shape)).map(key => {
      delete table[key];
      return {
        code: "RAD1211" as const,
        path: ["upstreams", index, key],
        point: "key" as const,
        message: `"${key}" has no effect: ${upstreamLabel(root, index)} has transport "${transport}"`,
        help: "remove the line, or change the transport",
      };
    });
  });
}
