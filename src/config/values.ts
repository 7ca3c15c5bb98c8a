/** Looking into the plain values of a TOML document. */
import type { KeyPath } from "./problem.ts";

/** One string for one path, for sets and maps. */
export const pathId = (path: KeyPath): string => JSON.stringify(path);

/** A TOML table, as opposed to an array, a date or a plain value. */
export function isTable(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Date);
}

/** The value at a path, or `undefined`. */
export function valueAt(root: unknown, path: KeyPath): unknown {
  let value: unknown = root;
  for (const step of path) {
    if (Array.isArray(value) && typeof step === "number") value = value[step];
    else if (isTable(value) && Object.hasOwn(value, step)) value = value[step];
    else return undefined;
  }
  return value;
}

/** The upstreams that are tables, with their positions. */
export function upstreamsOf(root: unknown): { readonly table: Record<string, unknown>; readonly index: number }[] {
  const listed = valueAt(root, ["upstreams"]);
  if (!Array.isArray(listed)) return [];
  return listed.flatMap((table, index) => (isTable(table) ? [{ table, index }] : []));
}
