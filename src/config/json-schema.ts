/** The JSON Schema (draft-7) of the whole file, for editors. */
import * as z from "zod";
import { configSchema } from "./schema.ts";

/** As much of a JSON Schema node as the generated documents look at. */
export interface SchemaNode {
  type?: string;
  description?: string;
  default?: unknown;
  enum?: unknown[];
  const?: unknown;
  format?: string;
  pattern?: string;
  minimum?: number;
  maximum?: number;
  exclusiveMinimum?: number;
  items?: SchemaNode;
  properties?: Record<string, SchemaNode>;
  additionalProperties?: boolean | SchemaNode;
  propertyNames?: SchemaNode;
  required?: string[];
  oneOf?: SchemaNode[];
  anyOf?: SchemaNode[];
}

/** What may be written for one schema, defaults and descriptions included. */
export function inputSchema(schema: z.ZodType): SchemaNode {
  return z.toJSONSchema(schema, { target: "draft-7", io: "input" }) as SchemaNode;
}

/** What an editor checks `.radium/mcp-proxy.toml` against. Tables of other tools pass. */
export function jsonSchema(): object {
  const { $schema, ...proxy } = inputSchema(configSchema) as SchemaNode & { $schema?: string };
  return {
    $schema,
    title: "Radium MCP Proxy",
    type: "object",
    properties: {
      mcp: { type: "object", properties: { proxy: forEditors(proxy) } },
    },
  };
}

const INTERPOLATED = { type: "string", pattern: "\\$\\{" };

/**
 * Admits `"${VAR}"` wherever a narrower value is wanted, and drops the bounds of JavaScript's integers. Constants (the
 * discriminators) stay literal, so that an editor knows which keys to offer.
 */
function forEditors(node: SchemaNode): SchemaNode {
  const { description, default: fallback, ...rest } = node;
  if (rest.maximum === Number.MAX_SAFE_INTEGER) delete rest.maximum;
  if (rest.items) rest.items = forEditors(rest.items);
  if (typeof rest.additionalProperties === "object") rest.additionalProperties = forEditors(rest.additionalProperties);
  if (rest.properties) rest.properties = mapValues(rest.properties, forEditors);
  if (rest.oneOf) rest.oneOf = rest.oneOf.map(option => forEditors(option));
  const narrow = ["integer", "number", "boolean"].includes(rest.type ?? "") || rest.enum || rest.format || rest.pattern;
  const shape = narrow ? { anyOf: [rest, INTERPOLATED] } : rest;
  return {
    ...(description === undefined ? {} : { description }),
    ...(fallback === undefined ? {} : { default: fallback }),
    ...shape,
  };
}

function mapValues(record: Record<string, SchemaNode>, change: (node: SchemaNode) => SchemaNode) {
  return Object.fromEntries(Object.entries(record).map(([key, node]) => [key, change(node)]));
}
