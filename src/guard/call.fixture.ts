import type { Call, Outcome } from "../core/call.ts";
import type { Entry, Resolution } from "../core/catalog.ts";
import { nativeName, ownerId, principal, publicName, upstreamName } from "../core/names.ts";
import { Payload } from "../core/payload.ts";
import { Aborter } from "../core/signal.ts";

const NOTHING = Payload.of({});

export interface CallPlan extends Partial<Pick<Call, "method" | "view" | "continues" | "signal" | "target">> {
  readonly who?: string;
  readonly params?: object | string;
  readonly subject?: Resolution;
  readonly capabilities?: object;
}

/** Something that each of these upstreams holds under the same name. */
export function held(native: string, ...upstreams: string[]): Resolution {
  const [first = "a", ...others] = upstreams;
  const holder = (name: string): Entry["holders"][0] => {
    return { upstream: upstreamName(name), native: nativeName(native), priority: 1, definition: NOTHING };
  };
  const holders: Entry["holders"] = [holder(first), ...others.map(holder)];
  return { kind: "found", entry: { kind: "tool", name: publicName(native), holders, definition: NOTHING } };
}

/** A call of ann's to the tool `echo` of the upstream `a`, but for what is said otherwise. */
export function callOf({
  who = "ann",
  params = {},
  capabilities = {},
  subject = held("echo"),
  ...rest
}: CallPlan): Call {
  return {
    caller: {
      principal: principal(who),
      agent: "test",
      owner: ownerId(who),
      capabilities: Payload.of(capabilities),
      converses: false,
    },
    view: { kind: "all" },
    method: "tools/call",
    target: "echo",
    subject,
    params: typeof params === "string" ? Payload.parse(params) : Payload.of(params),
    continues: undefined,
    signal: new Aborter().signal,
    logLevel: undefined,
    notify() {},
    ...rest,
  };
}

export const done = (result: object = {}, upstream = "a"): Outcome => ({
  kind: "done",
  result: Payload.of(result),
  route: { upstream: upstreamName(upstream), attempts: 1 },
});
