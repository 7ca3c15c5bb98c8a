import { createHash } from "node:crypto";
import { broken, type Call, type Continuation, type Layer, type Outcome } from "../core/call.ts";
import { canonicalJson } from "../core/canonical-json.ts";
import { methodOf } from "../core/methods.ts";
import { type UpstreamName, upstreamName } from "../core/names.ts";
import { returning } from "../core/pass.ts";
import { Payload } from "../core/payload.ts";
import type { Sealer } from "../core/ports.ts";

/** How long an agent may take to answer: a person may sleep over a question. */
export const TICKET_LIFE_MS = 24 * 60 * 60_000;

const PURPOSE = "ticket";
const NO_ANSWERS = Payload.of({});

/**
 * An upstream's ticket leaves sealed to who asked for what, and comes back as the call's continuation: with another
 * principal, tool, view or arguments it opens nothing, and nothing is sent.
 */
export function tickets({ sealer }: { sealer: Sealer }): Layer {
  return next =>
    function ticketed(call, done) {
      if (!methodOf(call.method).mayAsk) return next(call, returning(done, broken, refuseQuestions));
      const admitted = admit(call, sealer);
      if (admitted.kind === "refused") {
        return done({ kind: "failed", failure: { kind: "invalid", message: admitted.why } });
      }
      const sealing = (outcome: Outcome): Outcome =>
        outcome.kind === "asks" ? sealed(outcome, call, sealer) : outcome;
      next(admitted.call, returning(done, broken, sealing));
    };
}

type Admitted = { readonly kind: "call"; readonly call: Call } | { readonly kind: "refused"; readonly why: string };

function admit(call: Call, sealer: Sealer): Admitted {
  const { params } = call;
  const answers = params.object("inputResponses");
  if (params.has("inputResponses") && !answers) return refused("inputResponses must be an object");
  // Answers without a ticket belong to nothing that is known here: what they are worth is the upstream's to say.
  if (!params.has("requestState") || call.subject?.kind !== "found") return { kind: "call", call };
  const state = params.string("requestState");
  if (state === undefined) return refused("requestState must be a string");
  const opened = sealer.open(contextOf(call), state);
  if (!opened.ok) return refused(REFUSALS[opened.reason]);
  // What is asked for is read only for whoever has a ticket of ours.
  const [upstream, ticket, digest] = JSON.parse(opened.text) as [string, string, string];
  if (digest !== digestOf(params)) return refused(REFUSALS.forged);
  const { refusals = NO_ANSWERS } = call;
  const continues: Continuation = {
    upstream: upstreamName(upstream),
    ticket,
    answers: answers ?? NO_ANSWERS,
    refusals,
  };
  const plain = params.with({ requestState: undefined, inputResponses: undefined });
  return { kind: "call", call: { ...call, params: plain, continues } };
}

const refused = (why: string): Admitted => ({ kind: "refused", why });

const REFUSALS = {
  forged: "requestState does not belong to this request",
  expired: "requestState has expired: make the request again without it",
} as const;

function sealed(outcome: Extract<Outcome, { kind: "asks" }>, call: Call, sealer: Sealer): Outcome {
  const upstream = outcome.route?.upstream ?? firstHolder(call);
  const text = JSON.stringify([upstream, outcome.ticket, digestOf(call.params)]);
  if (Buffer.byteLength(text) > sealer.maxBytes) {
    const detail = "its requestState is too large";
    return { kind: "failed", failure: { ...WRONG, fault: "too_large", detail, ...routeOf(outcome, upstream) } };
  }
  return { ...outcome, ticket: sealer.seal({ ...contextOf(call), expiresInMs: TICKET_LIFE_MS }, text) };
}

/** Anything else can neither carry questions to the agent nor its answers back. */
function refuseQuestions(outcome: Outcome): Outcome {
  if (outcome.kind !== "asks") return outcome;
  const detail = "it asks back about a request that must be answered at once";
  const from = routeOf(outcome, outcome.route?.upstream ?? upstreamName(""));
  return { kind: "failed", failure: { ...WRONG, fault: "protocol_error", detail, ...from } };
}

const WRONG = { kind: "upstream", delivery: "answered" } as const;

const routeOf = (outcome: Outcome, upstream: UpstreamName): { upstream: UpstreamName; attempts: number } => ({
  upstream,
  attempts: outcome.route?.attempts ?? 1,
});

const firstHolder = ({ subject }: Call): UpstreamName =>
  subject?.kind === "found" ? subject.entry.holders[0].upstream : upstreamName("");

function contextOf(call: Call): { purpose: string; principal: string; about: string } {
  const { view, method, subject } = call;
  const holder = subject?.kind === "found" ? subject.entry.holders[0] : undefined;
  const about = [view.kind === "all" ? "" : view.name, method, holder?.upstream, holder?.native];
  return { purpose: PURPOSE, principal: call.caller.principal, about: JSON.stringify(about) };
}

/** Up to here parameters are compared by their meaning: putting them into one form costs far more than their size. */
const COMPARED_BY_MEANING_BYTES = 32 * 1024;

/** An agent may spell its arguments differently the next time, so their meaning counts; of large ones each byte does. */
function digestOf(params: Payload): string {
  const plain = params.with({ _meta: undefined, inputResponses: undefined, requestState: undefined });
  const hash = createHash("sha256");
  if (plain.size <= COMPARED_BY_MEANING_BYTES) hash.update(canonicalJson(plain.value()));
  else for (const key of [...plain.keys()].sort()) hash.update(JSON.stringify(key)).update(plain.raw(key) ?? "");
  return hash.digest("base64");
}
