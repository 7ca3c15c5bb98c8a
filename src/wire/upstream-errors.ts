import type { Payload } from "../core/payload.ts";

/** Codes of ours, those that are not given yet included. */
const OURS = { least: -31_999, most: -31_000 } as const;
/** Under this member of an error's `data` the gateway says what it knows, and nobody else does. */
const FACTS = "gateway";
const MEMBERS = ["code", "message", "data"] as const;
/** Beyond it an error is not repeated inside another one. */
const MAX_REPEATED_BYTES = 64 * 1024;

/**
 * What an upstream's error is to us: `plain`, passed on byte for byte; `borrowed`, a good error that speaks as only the
 * gateway does; `malformed`, no JSON-RPC error. https://www.jsonrpc.org/specification#error_object
 */
export type ErrorKind = "plain" | "borrowed" | "malformed";

export function kindOfError(error: Payload): ErrorKind {
  const code = codeOf(error);
  if (code === undefined || error.string("message") === undefined || hasTwins(error)) return "malformed";
  if (isOurs(code)) return "borrowed";
  return speaksAsGateway(error.object("data")) ? "borrowed" : "plain";
}

/** Whether a code is one that only the gateway uses. */
export const isOurs = (code: number): boolean => code >= OURS.least && code <= OURS.most;

/** The number that a code stands for, however it is spelled; `undefined` where it is no integer that all can hold. */
export function codeOf(error: Payload): number | undefined {
  const raw = error.raw("code");
  const code = raw && NUMBER.test(raw.toString("latin1", 0, MAX_SPELLING)) ? Number(raw.toString("latin1")) : undefined;
  return Number.isSafeInteger(code) ? code : undefined;
}

const NUMBER = /^-?\d/;
const MAX_SPELLING = 64;
const INTEGER = /^-?\d+$/;

/** A good error as it is passed on: byte for byte, but that its code is spelled as an integer. */
export function plainError(error: Payload): Payload {
  return INTEGER.test(error.raw("code")?.toString("latin1") ?? "")
    ? error
    : error.with({ code: String(codeOf(error)) });
}

/** The text of an error that can be put into another one; `undefined` for one that is too large, or that nobody could read. */
export function repeatable(error: Payload): Buffer | undefined {
  if (error.size > MAX_REPEATED_BYTES) return undefined;
  try {
    error.value();
    return error.bytes;
  } catch (reason) {
    if (reason instanceof SyntaxError) return undefined;
    throw reason;
  }
}

function speaksAsGateway(data: Payload | undefined): boolean {
  for (const key of data?.keys() ?? []) if (folded(key) === FACTS) return true;
  return false;
}

/** Readers that do not tell upper from lower case take such a member for the one that it looks like. */
function hasTwins(error: Payload): boolean {
  for (const key of error.keys()) {
    if (!(MEMBERS as readonly string[]).includes(key) && (MEMBERS as readonly string[]).includes(folded(key)))
      return true;
  }
  return false;
}

/** Letters that fold to another one count as that one: `ſ` is an `s`. */
const folded = (key: string): string => key.toUpperCase().toLowerCase();
