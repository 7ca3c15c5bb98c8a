import type { Call } from "./call.ts";
import type { Failure } from "./failure.ts";
import { namingOf } from "./methods.ts";

/** Why a call is about nothing that is known. */
export function unresolved(call: Call): Failure {
  const what = namingOf(call.method)?.noun;
  if (what === undefined) return { kind: "unknown_method", method: call.method };
  const name = call.target;
  if (name === undefined) return { kind: "invalid", message: `params of ${call.method} name no ${what}` };
  if (call.subject?.kind === "ambiguous") return { kind: "ambiguous_name", what, name, choices: call.subject.choices };
  return { kind: "unknown_name", what, name, nearest: call.subject?.kind === "unknown" ? call.subject.nearest : [] };
}
