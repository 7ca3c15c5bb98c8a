import type { IncomingHttpHeaders } from "node:http";
import { type HeaderAnnotation, headerAnnotations } from "../core/annotations.ts";
import type { Payload } from "../core/payload.ts";
import { decodeHeader, encodeHeader } from "./headers.ts";

/**
 * `Mcp-Param-*`: arguments that a tool wants to see repeated in headers.
 * https://modelcontextprotocol.io/specification/2026-07-28/basic/transports/streamable-http#custom-headers-from-tool-parameters
 */
type Primitive = string | number | boolean;

/** Definitions live as long as a catalog snapshot; what they declare is worked out once. */
const DECLARED = new WeakMap<Payload, readonly HeaderAnnotation[]>();

function declared(definition: Payload): readonly HeaderAnnotation[] {
  let annotations = DECLARED.get(definition);
  if (!annotations) {
    const schema = definition.object("inputSchema");
    const read = schema && headerAnnotations(schema);
    annotations = read?.ok ? read.headers : [];
    DECLARED.set(definition, annotations);
  }
  return annotations;
}

/** Headers for a call of the tool that `definition` defines. */
export function parameterHeaders(definition: Payload, params: Payload): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const { header, path } of declared(definition)) {
    const value = argumentAt(params, path);
    if (value !== undefined) headers[`mcp-param-${header.toLowerCase()}`] = encodeHeader(String(value));
  }
  return headers;
}

/** The first thing wrong with the headers of a call, in words; `undefined` when they repeat the arguments. */
export function parameterHeaderMismatch(
  definition: Payload,
  params: Payload,
  headers: IncomingHttpHeaders,
): string | undefined {
  for (const { header, path } of declared(definition)) {
    const value = argumentAt(params, path);
    const sent = headers[`mcp-param-${header.toLowerCase()}`];
    if (value === undefined && sent === undefined) continue;
    const name = `Mcp-Param-${header}`;
    if (typeof sent !== "string") return `Missing ${name} header`;
    if (value === undefined) return `${name} header has no counterpart in the arguments`;
    const decoded = decodeHeader(sent);
    if (decoded === undefined) return `${name} header is not valid base64`;
    const equal = typeof value === "number" ? numberIn(decoded) === value : decoded === String(value);
    if (!equal) return `${name} header does not match the argument`;
  }
  return undefined;
}

/** `Number` takes more for a number than JSON does: nothing at all, other bases. */
const numberIn = (text: string): number => (JSON_NUMBER.test(text) ? Number(text) : Number.NaN);
const JSON_NUMBER = /^-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?$/;

function argumentAt(params: Payload, path: readonly string[]): Primitive | undefined {
  let value: unknown = params.object("arguments")?.value();
  for (const key of path) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, key)) return undefined;
    value = (value as Record<string, unknown>)[key];
  }
  return typeof value === "string" || typeof value === "number" || typeof value === "boolean" ? value : undefined;
}
