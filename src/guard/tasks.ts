import { broken, type Call, type Caller, type Layer, type Outcome } from "../core/call.ts";
import { hasTasks, TASKS_CAPABILITIES, upstreamEntry } from "../core/extensions.ts";
import type { Failure } from "../core/failure.ts";
import { isAboutTasks, methodOf } from "../core/methods.ts";
import { type UpstreamName, upstreamName } from "../core/names.ts";
import { returning } from "../core/pass.ts";
import type { Payload } from "../core/payload.ts";
import type { Sealer } from "../core/ports.ts";

const PURPOSE = "task";
/** Only the upstream knows when a task ends, and agents keep ids over restarts; an id must not end before it. */
const LEAST_LIFE_MS = 30 * 24 * 60 * 60_000;
/** Agents repeat an id in a header. */
const MAX_NATIVE_ID = 1_024;

/**
 * Tasks have an id of ours, sealed to the principal and the upstream that runs them: requests about a task go there and
 * nowhere else. An agent that has not declared the extension, for that very request, gets no task and may ask about none.
 */
export function tasks({ sealer }: { sealer: Sealer }): Layer {
  return next =>
    function ofTasks(call, done) {
      if (!isAboutTasks(call.method)) {
        return next(
          call,
          returning(done, broken, (outcome: Outcome) => started(call, outcome)),
        );
      }
      const admitted = admit(call);
      if (admitted.kind === "refused") return done(failed(admitted.failure));
      next(
        admitted.call,
        returning(done, broken, (outcome: Outcome) => withId(outcome, admitted.id)),
      );
    };

  /** Turns a request about a task into one to the upstream that runs it. */
  function admit(call: Call): Admitted {
    if (!hasTasks(call.caller.capabilities)) {
      return { kind: "refused", failure: { kind: "missing_capability", required: TASKS_CAPABILITIES } };
    }
    const id = call.params.string("taskId");
    const task = id === undefined ? undefined : openTask(sealer, { ...call, ...call.caller }, id);
    if (id === undefined || !task) return { kind: "refused", failure: { kind: "invalid", message: "Unknown task" } };
    const params = call.params.with({ taskId: JSON.stringify(task.native) });
    const subject = { kind: "found", entry: upstreamEntry(task.upstream) } as const;
    return { kind: "call", id, call: { ...call, params, subject } };
  }

  function started(call: Call, outcome: Outcome): Outcome {
    if (outcome.kind !== "done" || outcome.result.string("resultType") !== "task") return outcome;
    const { result, route } = outcome;
    const native = result.string("taskId");
    if (!methodOf(call.method).startsTasks) return wrong(outcome, "it starts a task where there must be a result");
    if (!hasTasks(call.caller.capabilities))
      return wrong(outcome, "it starts a task for an agent that cannot follow one");
    if (!native || native.length > MAX_NATIVE_ID || !route)
      return wrong(outcome, "it starts a task without a proper id");
    const context = { purpose: PURPOSE, principal: call.caller.principal, about: "" };
    const expiresInMs = Math.max(LEAST_LIFE_MS, lifeOf(result));
    const id = sealer.seal({ ...context, expiresInMs }, JSON.stringify([route.upstream, native]));
    return { ...outcome, result: result.with({ taskId: JSON.stringify(id) }) };
  }
}

/** Where a task runs, and its id there; `undefined` for an id that this principal was not given, or not for this view. */
export function openTask(
  sealer: Sealer,
  { principal, view }: Pick<Caller, "principal"> & Pick<Call, "view">,
  id: string,
): { readonly upstream: UpstreamName; readonly native: string } | undefined {
  const opened = sealer.open({ purpose: PURPOSE, principal, about: "" }, id);
  if (!opened.ok) return undefined;
  const [upstream, native] = JSON.parse(opened.text) as [string, string];
  return view.kind === "all" || view.name === upstream ? { upstream: upstreamName(upstream), native } : undefined;
}

type Admitted =
  /** `id`: as the agent knows it. */
  | { readonly kind: "call"; readonly call: Call; readonly id: string }
  | { readonly kind: "refused"; readonly failure: Failure };

const failed = (failure: Failure): Outcome => ({ kind: "failed", failure });

/** The agent sees the id under which it asked. Only what starts a task is a result of type "task". */
function withId(outcome: Outcome, id: string): Outcome {
  if (outcome.kind !== "done") return outcome;
  const { result } = outcome;
  const changes = {
    ...(result.has("taskId") && { taskId: JSON.stringify(id) }),
    ...(result.string("resultType") === "task" && { resultType: '"complete"' }),
  };
  return { ...outcome, result: result.with(changes) };
}

function lifeOf(result: Payload): number {
  const ttlMs = Number(result.raw("ttlMs")?.toString("latin1"));
  return Number.isSafeInteger(ttlMs) ? ttlMs : 0;
}

function wrong({ route }: Outcome, detail: string): Outcome {
  const upstream = route?.upstream ?? upstreamName("");
  const attempts = route?.attempts ?? 1;
  return failed({ kind: "upstream", fault: "protocol_error", delivery: "answered", detail, upstream, attempts });
}
