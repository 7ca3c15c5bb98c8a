import type { IncomingHttpHeaders } from "node:http";
import { type HeaderAnnotation, headerAnnotations } from "../core/annotations.ts";
import { isSameNumber, plainNumber } from "../core/decimal.ts";
import type { Payload } from "../core/payload.ts";
import { decodeHeader, encodeHeader } from "./headers.ts";

/**
 * `Mcp-Param-*`: arguments that a tool wants to see repeated in headers.
 * https://modelcontextprotocol.io/specification/2026-07-28/basic/transports/streamable-http#custom-headers-from-tool-parameters
 */
interface Parameter {
  readonly kind: "number" | "other";
  /** The value of a string; anything else as the body spells it. */
  readonly text: string;
}

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
    if (value === undefined) continue;
    const text = value.kind === "number" ? plainNumber(value.text) : value.text;
    headers[`mcp-param-${header.toLowerCase()}`] = encodeHeader(text);
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
    const isEqual = decoded === value.text || (value.kind === "number" && isSameNumber(decoded, value.text));
    if (!isEqual) return `${name} header does not match the argument`;
  }
  return undefined;
}

/** Numbers stay text: what a double cannot hold would be another number in the header than in the body. */
function argumentAt(params: Payload, path: readonly string[]): Parameter | undefined {
  let object = params.object("arguments");
  for (const key of path.slice(0, -1)) object = object?.object(key);
  const last = path.at(-1) ?? "";
  const raw = object?.raw(last);
  if (!object || !raw) return undefined;
  const kind = KINDS.get(raw[0] ?? 0);
  if (kind === undefined) return undefined;
  return { kind, text: raw[0] === QUOTE ? (object.string(last) ?? "") : raw.toString("latin1") };
}

const QUOTE = 0x22;
/** By the byte that a value begins with. */
const KINDS: ReadonlyMap<number, Parameter["kind"]> = new Map([
  ...[...'"tf'].map(first => [first.charCodeAt(0), "other"] as const),
  ...[..."-0123456789"].map(first => [first.charCodeAt(0), "number"] as const),
]);
