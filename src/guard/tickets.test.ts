import { describe, expect, it, vi } from "vitest";
import { manualClock } from "../../test/fixtures/manual-clock.ts";
import type { Call, Outcome, Route } from "../core/call.ts";
import type { Resolution } from "../core/catalog.ts";
import { upstreamName } from "../core/names.ts";
import { bringing, promised } from "../core/pass.fixture.ts";
import { Payload } from "../core/payload.ts";
import { createSealer } from "../lib/seal.ts";
import { callOf, done, held } from "./call.fixture.ts";
import { tickets } from "./tickets.ts";

const RAW = '{"kind":"state","state":"upstream secret"}';

const from = (upstream: string, attempts = 1): Route => ({ upstream: upstreamName(upstream), attempts });

/** Questions, and which way they came, as far as that is known. */
function asks(ticket = RAW, route: Route | "unknown" = from("b")): Outcome {
  const questions = Payload.of({ name: { method: "elicitation/create" } });
  return { kind: "asks", questions, ticket, ...(route !== "unknown" && { route }) };
}

/** A layer in front of an upstream that asks once for each call that does not go on from an earlier one. */
function behindTickets(answer: Outcome = asks()) {
  const clock = manualClock();
  const received: Call[] = [];
  const last = bringing((call: Call) => {
    received.push(call);
    return call.continues ? done() : answer;
  });
  const sealer = createSealer(Buffer.alloc(32, 1), { clock });
  return { clock, received, handle: promised(tickets({ sealer })(last)) };
}

const params = { name: "echo", arguments: { a: 1, b: { c: [1, 2], d: "x" } } };

async function asked(plan: Parameters<typeof callOf>[0] = {}, answer?: Outcome) {
  const layer = behindTickets(answer);
  const outcome = await layer.handle(callOf({ params, ...plan }));
  if (outcome.kind !== "asks") throw new Error(`expected questions, got ${outcome.kind}`);
  layer.received.length = 0;
  const again = (changes: Parameters<typeof callOf>[0] & { state?: unknown; responses?: unknown } = {}) => {
    const { state = outcome.ticket, responses = { name: { action: "accept" } }, ...rest } = changes;
    const before = (rest.params ?? plan.params ?? params) as object;
    return layer.handle(
      callOf({ ...plan, ...rest, params: { ...before, inputResponses: responses, requestState: state } }),
    );
  };
  return { ...layer, ticket: outcome.ticket, again };
}

const refusal = (why: string) => ({
  kind: "failed",
  failure: { kind: "invalid", message: expect.stringContaining(why) },
});
const FOREIGN = refusal("does not belong to this request");

describe("a ticket", () => {
  it("hides the upstream's own, and brings the call back to that upstream with the answers", async () => {
    const { ticket, again, received } = await asked();
    expect(Buffer.from(ticket, "base64url").includes("secret")).toBe(false);
    expect(await again()).toMatchObject({ kind: "done" });
    const [call] = received;
    expect(call?.continues).toMatchObject({ upstream: "b", ticket: RAW });
    expect(call?.continues?.answers.value()).toEqual({ name: { action: "accept" } });
    expect(call?.params.value()).toEqual(params);
  });

  it("is good for arguments of the same meaning, and may be used again until it expires", async () => {
    const { again, clock } = await asked();
    const other = { arguments: { b: { d: "x", c: [1.0, 2] }, a: 1 }, name: "echo", _meta: { progressToken: 7 } };
    expect((await again({ params: other })).kind).toBe("done");
    clock.advance(86_399_999);
    expect((await again()).kind).toBe("done");
    clock.advance(1);
    expect(await again()).toMatchObject(refusal("has expired"));
  });

  it("needs no answers: an upstream may only want to be asked again", async () => {
    const { handle, ticket, received } = await asked();
    expect((await handle(callOf({ params: { ...params, requestState: ticket } }))).kind).toBe("done");
    expect(received[0]?.continues?.answers.isEmpty).toBe(true);
  });

  it("is made also when the upstream wants to be reminded of nothing", async () => {
    const { ticket, again, received } = await asked({}, asks(""));
    expect(ticket).not.toBe("");
    expect((await again()).kind).toBe("done");
    expect(received[0]?.continues?.ticket).toBe("");
  });

  it.each<[string, Parameters<typeof callOf>[0] & { state?: unknown }]>([
    ["another principal", { who: "bob" }],
    ["another tool", { subject: held("erase") }],
    ["another upstream's tool of that name", { subject: held("echo", "z") }],
    ["another view", { view: { kind: "upstream", name: upstreamName("a") } }],
    ["another method", { method: "prompts/get" }],
    ["other arguments", { params: { ...params, arguments: { a: 2 } } }],
    ["more parameters", { params: { ...params, more: true } }],
    ["a text that was made up", { state: "made-up" }],
    ["no text at all", { state: "" }],
  ])("is refused for %s, and nothing is sent", async (_, changes) => {
    const { again, received } = await asked();
    expect(await again(changes)).toMatchObject(FOREIGN);
    expect(received).toEqual([]);
  });

  it("from one upstream's own view is refused in that of another", async () => {
    const view = (name: string) => ({ view: { kind: "upstream", name: upstreamName(name) } as const });
    const { again, received } = await asked(view("a"));
    for (const elsewhere of [view("b"), { view: { kind: "all" } as const }]) {
      expect(await again(elsewhere)).toMatchObject(FOREIGN);
    }
    expect(received).toEqual([]);
    expect((await again(view("a"))).kind).toBe("done");
  });

  it("of a call that nobody is known to have answered goes to who holds the name first", async () => {
    const { again, received } = await asked({ subject: held("echo", "y", "z") }, asks(RAW, "unknown"));
    expect((await again()).kind).toBe("done");
    expect(received[0]?.continues?.upstream).toBe("y");
  });

  it.each<[string, Resolution | undefined]>([
    ["of no known name", { kind: "unknown", nearest: [] }],
    ["without a name", undefined],
  ])("for something %s is sealed too, and is good for nothing that has one", async (_, subject) => {
    const asking = behindTickets(asks(RAW, "unknown"));
    const outcome = await asking.handle({ ...callOf({ params }), subject });
    if (outcome.kind !== "asks") throw new Error(`expected questions, got ${outcome.kind}`);
    expect(Buffer.from(outcome.ticket, "base64url").includes("secret")).toBe(false);
    const named = callOf({ params: { ...params, requestState: outcome.ticket } });
    expect(await asking.handle(named)).toMatchObject(FOREIGN);
    const again = { ...named, subject };
    await asking.handle(again);
    expect(asking.received.at(-1)).toBe(again);
  });

  it("is refused when it was cut or added to", async () => {
    const { again, ticket, received } = await asked();
    for (const state of [ticket.slice(0, -4), ticket.slice(4), `${ticket}-TAMPERED`]) {
      expect(await again({ state })).toMatchObject(FOREIGN);
    }
    expect(received).toEqual([]);
  });

  it("that was made up costs no look at what is asked for", async () => {
    const { again } = await asked();
    const looked = vi.spyOn(Payload.prototype, "value");
    const changed = vi.spyOn(Payload.prototype, "with");
    expect(await again({ params: { ...params, arguments: { rows: [1, 2, 3] } }, state: "made-up" })).toMatchObject(
      FOREIGN,
    );
    expect([looked.mock.calls.length, changed.mock.calls.length]).toEqual([0, 0]);
    vi.restoreAllMocks();
  });

  it("is good for large arguments as they were, byte by byte, so that no meaning has to be worked out", async () => {
    const rows = Array.from({ length: 20_000 }, (_, at) => at);
    const large = { name: "echo", arguments: { a: 1, rows } };
    const { again } = await asked({ params: large });
    const looked = vi.spyOn(Payload.prototype, "value");
    expect((await again()).kind).toBe("done");
    expect((await again({ params: { arguments: large.arguments, name: "echo", _meta: {} } })).kind).toBe("done");
    expect(await again({ params: { ...large, arguments: { a: 2, rows } } })).toMatchObject(FOREIGN);
    expect(await again({ params: { ...large, more: 1 } })).toMatchObject(FOREIGN);
    expect(looked).not.toHaveBeenCalled();
    vi.restoreAllMocks();
  });

  it.each([[5], [null], [{}], [["x"]]])("is no %j", async state => {
    const { again, received } = await asked();
    expect(await again({ state })).toMatchObject(refusal("requestState must be a string"));
    expect(received).toEqual([]);
  });

  it.each([[null], [5], ["x"], [[]]])("is not taken together with answers that are %j", async responses => {
    const { again, received } = await asked();
    expect(await again({ responses })).toMatchObject(refusal("inputResponses must be an object"));
    expect(received).toEqual([]);
  });

  it("is refused to an upstream whose own is larger than anything an agent should carry", async () => {
    const outcome = await behindTickets(asks("x".repeat(2 * 1024 * 1024))).handle(callOf({ params }));
    expect(outcome).toMatchObject({ kind: "failed", failure: { kind: "upstream", fault: "too_large", upstream: "b" } });
  });

  it.each<[Route | "unknown", object]>([
    [from("c", 3), { upstream: "c", attempts: 3 }],
    ["unknown", { upstream: "a", attempts: 1 }],
  ])("that is too large is said of who asked, after as many attempts as there were", async (route, said) => {
    const { handle } = behindTickets(asks("x".repeat(2 * 1024 * 1024), route));
    expect(await handle(callOf({ params }))).toMatchObject({
      kind: "failed",
      failure: { fault: "too_large", ...said },
    });
  });
});

describe("a call without a ticket", () => {
  it("passes as it is, with answers that nobody asked for", async () => {
    const { handle, received } = behindTickets(done());
    const call = callOf({ params: { ...params, inputResponses: { name: {} } } });
    await handle(call);
    expect(received).toEqual([call]);
  });

  it("gets the answer as it is, whether or not it may be asked back about", async () => {
    for (const method of ["tools/call", "prompts/get", "resources/read", "tools/list", "tasks/update"]) {
      const answer = done({ method });
      expect(await behindTickets(answer).handle(callOf({ method, params }))).toBe(answer);
    }
  });

  it.each<[Route | "unknown", object]>([
    [from("c", 2), { upstream: "c", attempts: 2 }],
    ["unknown", { upstream: "", attempts: 1 }],
  ])("that must not be asked back about says who did", async (route, said) => {
    const { handle } = behindTickets(asks(RAW, route));
    const failure = { kind: "upstream", delivery: "answered", fault: "protocol_error", ...said };
    expect(await handle(callOf({ method: "tasks/get" }))).toMatchObject({ kind: "failed", failure });
  });

  it("may be asked back about only where the protocol knows that", async () => {
    const { handle, received } = behindTickets();
    const call = callOf({ method: "tasks/update", params: { taskId: "x", inputResponses: {}, requestState: "own" } });
    expect(await handle(call)).toMatchObject({ kind: "failed", failure: { fault: "protocol_error", upstream: "b" } });
    expect(received).toEqual([call]);
  });

  it("that names nothing known goes on to where that is said", async () => {
    const { handle, received } = behindTickets(done());
    await handle(callOf({ subject: { kind: "unknown", nearest: [] }, params: { requestState: "x" } }));
    await handle({ ...callOf({ params: { requestState: "x" } }), subject: undefined });
    expect(received).toHaveLength(2);
  });
});
