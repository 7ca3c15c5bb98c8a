import { randomUUID } from "node:crypto";
import { awaited, type Call, type Outcome, type View } from "../core/call.ts";
import type { Front } from "../core/front.ts";
import { ownerId, principal } from "../core/names.ts";
import { Payload } from "../core/payload.ts";
import type { Signal } from "../core/signal.ts";

/** The person at this machine: who reaches the control socket or runs `rad` is its user. */
const PERSON = principal("command-line");
const EVERYTHING: View = { kind: "all" };

/** Calls a tool as an agent would that comes for this one call. `name`: a public name or `upstream:tool`. */
export async function askTool(front: Front, tool: { name: string; args: Payload; signal: Signal }): Promise<Outcome> {
  // What is known of the upstreams may be a catalog that is still being built.
  await front.view(EVERYTHING)?.settled(0);
  const owner = ownerId(`command-line:${randomUUID()}`);
  const call: Call = {
    caller: { principal: PERSON, agent: "rad", owner, capabilities: Payload.of({}), converses: false },
    view: EVERYTHING,
    method: "tools/call",
    target: tool.name,
    subject: front.view(EVERYTHING)?.catalog().resolve("tool", tool.name),
    params: Payload.of({ name: tool.name }).with({ arguments: tool.args.bytes }),
    continues: undefined,
    signal: tool.signal,
    logLevel: undefined,
    notify: () => {},
  };
  try {
    return await awaited(front.handle, call);
  } finally {
    front.release(owner);
  }
}
