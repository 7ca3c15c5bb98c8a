/** What the tables of the file are called, and which keys each of them may hold. */

import { TRANSPORTS, type UpstreamTransport } from "./behind.ts";
import type { KeyPath } from "./problem.ts";
import { authSchema, configSchema, securitySchema, UPSTREAM_SCHEMAS } from "./schema.ts";
import { pathId, valueAt } from "./values.ts";

const KEYS = {
  proxy: Object.keys(configSchema.shape),
  security: Object.keys(securitySchema.shape),
  auth: Object.keys(authSchema.shape),
};
const KEYS_OF = new Map<string, readonly string[]>(
  Object.entries(UPSTREAM_SCHEMAS).map(([transport, { shape }]) => [transport, Object.keys(shape)]),
);
/** The keys that most upstreams have, for one whose transport is not known. */
const USUAL = Object.keys(UPSTREAM_SCHEMAS.http.shape);

/** How an upstream is called in messages: its name, or its place in the file. */
export function upstreamLabel(root: unknown, index: number): string {
  const name = valueAt(root, ["upstreams", index, "name"]);
  return typeof name === "string" && name !== "" ? `upstream ${JSON.stringify(name)}` : `upstream #${index + 1}`;
}

/** How a table is called in messages. */
export function tableLabel(root: unknown, path: KeyPath): string {
  const [first, index, ...rest] = path;
  if (first === undefined) return "[mcp.proxy]";
  if (first !== "upstreams" || typeof index !== "number") return `[mcp.proxy.${path.join(".")}]`;
  return `${rest.length > 0 ? `${rest.join(".")} of ` : ""}${upstreamLabel(root, index)}`;
}

/** The keys that the table at `path` may hold. */
export function allowedKeys(root: unknown, path: KeyPath): readonly string[] {
  if (path.length === 0) return KEYS.proxy;
  if (pathId(path) === pathId(["security"])) return KEYS.security;
  if (path.at(-1) === "auth") return KEYS.auth;
  const transport = valueAt(root, [...path, "transport"]);
  return KEYS_OF.get(String(transport)) ?? USUAL;
}

/** The other table that knows this key, when one does. */
export function homeOf(key: string): string | undefined {
  if (KEYS.proxy.includes(key)) return "[mcp.proxy]";
  if (KEYS.security.includes(key)) return "[mcp.proxy.security]";
  if (KEYS.auth.includes(key)) return "[mcp.proxy.upstreams.auth]";
  return transportsWith(key).length > 0 ? "[[mcp.proxy.upstreams]]" : undefined;
}

/** The transports whose upstreams may hold this key. */
export function transportsWith(key: string): readonly UpstreamTransport[] {
  return TRANSPORTS.filter(transport => KEYS_OF.get(transport)?.includes(key));
}
