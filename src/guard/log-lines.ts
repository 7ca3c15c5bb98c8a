import type { Call } from "../core/call.ts";
import type { Payload } from "../core/payload.ts";
import type { Redactor } from "./redact.ts";

/** What every line about a call says of it. */
export interface About {
  readonly agent: string;
  readonly principal: string;
  readonly method: string;
  readonly target: string | undefined;
  /** What the agent's own tracing calls this request. */
  readonly trace: string | undefined;
  /** Whether it brings answers to an upstream that asked back, or says so. */
  readonly round: boolean;
}

const MAX_NAME = 256;

/** A member of a line, with a comma before it; nothing where there is nothing to say. */
export const member = (key: string, value: string | undefined, redactor: Redactor): string =>
  value === undefined ? "" : `,"${key}":${redactor.quoted(value, MAX_NAME)}`;

export function who({ agent, principal, method, target, trace, round }: About, redactor: Redactor): string {
  return (
    member("agent", agent, redactor) +
    member("principal", principal, redactor) +
    member("method", method, redactor) +
    member("target", target, redactor) +
    (trace === undefined ? "" : `,"trace":"${trace}"`) +
    (round ? ',"round":true' : "")
  );
}

/** Writes times as lines have them; a second is put together once, which is most of what it costs. */
export function createStamps(): (time: { readonly wall: number; readonly mono: number }) => string {
  let second = Number.NaN;
  let text = "";
  return ({ wall, mono }) => {
    const whole = Math.floor(wall);
    const found = Math.floor(whole / 1000);
    if (found !== second) {
      second = found;
      text = new Date(found * 1000).toISOString().slice(0, -4);
    }
    return `"ts":"${text}${String(whole - found * 1000).padStart(3, "0")}Z","mono":${rounded(mono)}`;
  };
}

/** Says that it goes on with a call that was logged, and is refused further on where that is not true. */
export const isRound = (call: Call): boolean => call.continues !== undefined || call.params.has("requestState");

/** https://www.w3.org/TR/trace-context/#traceparent-header-field-values */
const TRACE_PARENT = /^[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}/;

export const traceOf = (params: Payload): string | undefined =>
  TRACE_PARENT.exec(params.object("_meta")?.string("traceparent") ?? "")?.[1];

/** Milliseconds to the microsecond, as JSON: put together of whole numbers, which are written many times as fast. */
export function rounded(ms: number): string {
  const micros = Math.round(ms * 1000);
  if (!(micros >= 0 && micros <= Number.MAX_SAFE_INTEGER)) return String(micros / 1000);
  const whole = Math.floor(micros / 1000);
  return whole + FRACTIONS[micros - whole * 1000]!;
}

const FRACTIONS = Array.from({ length: 1000 }, (_, thousandths) => String(thousandths / 1000).slice(1));
