import { type Candidate, order, POLICIES, type Policy } from "./balance.ts";
import type { Call, Handle, Questions, Ticket } from "./call.ts";
import type { Entry, Holder } from "./catalog.ts";
import type { AttemptFailure, Failure } from "./failure.ts";
import type { OwnerId, UpstreamName } from "./names.ts";
import type { Payload } from "./payload.ts";
import { isReplaySafe, MAY_FOLLOW, type Trust } from "./retry.ts";

/** What one attempt brought. */
export type Attempt =
  | { readonly kind: "done"; readonly result: Payload }
  | { readonly kind: "asks"; readonly questions: Questions; readonly ticket: Ticket }
  | { readonly kind: "answered"; readonly error: Payload }
  | ({ readonly kind: "failed" } & AttemptFailure);

/** One upstream, as far as routing is concerned. */
export interface Instance {
  readonly condition: Candidate["condition"];
  readonly inFlight: number;
  readonly trust: Trust;
  /** Whether it holds the conversation of that owner. */
  keeps(owner: OwnerId): boolean;
  send(call: Call, holder: Holder): Promise<Attempt>;
}

export interface RouteOptions {
  instance(name: UpstreamName): Instance | undefined;
  readonly policy?: Policy;
  /** Upper bound of attempts for one call, the first included. */
  readonly maxAttempts?: number;
}

/** Sends a call to an upstream that holds its subject, and to the next one where that is safe. */
export function route(options: RouteOptions): Handle {
  const { instance, policy = POLICIES.round_robin, maxAttempts = 3 } = options;
  const turns = new WeakMap<Entry, number>();

  return async call => {
    const subject = call.subject;
    if (subject?.kind !== "found") return { kind: "failed", failure: unresolved(call) };
    let attempts = 0;
    let last: Failure | undefined;
    for (const holder of choices(subject.entry, call)) {
      const upstream = instance(holder.upstream);
      if (!upstream || attempts === maxAttempts) break;
      attempts++;
      const attempt = await upstream.send(call, holder);
      const route = { upstream: holder.upstream, attempts };
      if (attempt.kind === "answered")
        return { kind: "failed", failure: { kind: "answered", error: attempt.error }, route };
      if (attempt.kind === "done") return { kind: "done", result: attempt.result, route };
      if (attempt.kind === "asks") return { ...attempt, route };
      last = failed(attempt, holder.upstream, attempts);
      const rule = MAY_FOLLOW[attempt.delivery];
      const again = rule === "always" || (rule === "if_safe" && isReplaySafe(call, holder, upstream.trust));
      if (!again || call.signal.aborted) break;
    }
    last ??= gone(call, subject.entry);
    return last.kind === "upstream"
      ? { kind: "failed", failure: last, route: { upstream: last.upstream, attempts } }
      : { kind: "failed", failure: last };
  };

  /** Whom to try, in this order. */
  function choices(entry: Entry, call: Call): readonly Holder[] {
    if (entry.holders.length === 1 && !call.continues) return entry.holders;
    const turn = turns.get(entry) ?? 0;
    turns.set(entry, turn + 1);
    return order(candidates(entry, call), policy, turn).map(({ holder }) => holder);
  }

  function candidates(entry: Entry, call: Call): Candidate[] {
    return entry.holders.flatMap(holder => {
      const upstream = instance(holder.upstream);
      // Only whoever asked can take the answer.
      if (!upstream || (call.continues && call.continues.upstream !== holder.upstream)) return [];
      const { condition, inFlight } = upstream;
      return [{ holder, condition, inFlight, keepsAgent: upstream.keeps(call.caller.owner) }];
    });
  }
}

function failed(attempt: AttemptFailure & { kind: "failed" }, upstream: UpstreamName, attempts: number): Failure {
  if (attempt.fault === "cancelled") return { kind: "cancelled" };
  return { ...attempt, kind: "upstream", upstream, attempts };
}

/** Whoever could have answered is not configured any more. */
function gone(call: Call, entry: Entry): Failure {
  const upstream = call.continues?.upstream ?? entry.holders[0].upstream;
  const detail = "not configured any more";
  return { kind: "upstream", upstream, attempts: 0, fault: "unreachable", delivery: "not_sent", detail };
}

/** What a target is called towards people. */
const NOUNS: ReadonlyMap<string, string> = new Map([
  ["tools/call", "tool"],
  ["prompts/get", "prompt"],
  ["resources/read", "resource"],
  ["completion/complete", "completion reference"],
]);

function unresolved(call: Call): Failure {
  const what = NOUNS.get(call.method);
  if (what === undefined) return { kind: "unknown_method", method: call.method };
  const name = call.target;
  if (name === undefined) return { kind: "invalid", message: `params of ${call.method} name no ${what}` };
  if (call.subject?.kind === "ambiguous") return { kind: "ambiguous_name", what, name, choices: call.subject.choices };
  return { kind: "unknown_name", what, name, nearest: call.subject?.kind === "unknown" ? call.subject.nearest : [] };
}
