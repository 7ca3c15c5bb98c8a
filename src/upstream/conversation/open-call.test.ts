import { describe, expect, it } from "vitest";
import { type ManualClock, manualClock } from "../../../test/fixtures/manual-clock.ts";
import type { Call, Notice } from "../../core/call.ts";
import { ANONYMOUS } from "../../core/names.fixture.ts";
import { ownerId, upstreamName } from "../../core/names.ts";
import { Payload } from "../../core/payload.ts";
import { Aborter, aborted, type Signal } from "../../core/signal.ts";
import type { Message } from "../../wire/message.ts";
import { failed, type LinkAttempt } from "./attempt.ts";
import { OPEN_CALL, openCall } from "./open-call.ts";
import { createParking, PARKING, type Parkable } from "./suspended-calls.ts";
import { readTicket } from "./tickets.ts";

const OWNER = ownerId("alice");
const ROOTS = Payload.of({ roots: {} });

function callOf(signal = new Aborter().signal, answers?: object) {
  const notices: Notice[] = [];
  const continues = answers && {
    upstream: upstreamName("u"),
    ticket: "",
    answers: Payload.of(answers),
    refusals: Payload.of({}),
  };
  const call: Call = {
    caller: { principal: ANONYMOUS, agent: "test", owner: OWNER, capabilities: ROOTS, converses: false },
    ...{ view: { kind: "all" }, method: "tools/call", target: "t", subject: undefined, params: Payload.of({}) },
    ...{ continues, signal, logLevel: undefined, notify: (notice: Notice) => void notices.push(notice) },
  };
  return { call, notices };
}

/** Its agent comes back to a call. */
const resumed = (parked: Parkable | undefined, call: Call): Promise<LinkAttempt> =>
  new Promise(done => parked?.resume(call, done));

function start(first = callOf().call, { clock = manualClock() }: { clock?: ManualClock } = {}) {
  const parking = createParking(clock);
  const responses: Record<string, unknown>[] = [];
  const unclaimed: Message[] = [];
  let settle: (attempt: LinkAttempt) => void = () => {};
  let upstream: Signal | undefined;
  const opened = openCall({
    ...{
      owner: OWNER,
      clock,
      parking,
      declared: ROOTS,
      timeouts: { timeoutMs: 1_000, maxTimeoutMs: 5_000 },
    },
    send(signal, _listener, done) {
      upstream = signal;
      let isOver = false;
      settle = attempt => {
        if (!isOver) done(attempt);
        isOver = true;
      };
      const lost = failed({ fault: "cancelled", delivery: "sent_unknown", detail: "" });
      signal.onAbort(() => settle(lost));
    },
    respond: text => void responses.push(JSON.parse(text.toString("utf8"))),
    asked: () => {},
    ended: () => {},
    unclaimed: message => void unclaimed.push(message),
    leftOver: (question, wasGivenUp) => void (wasGivenUp || unclaimed.push(question)),
  });
  const attempt = new Promise<LinkAttempt>(done => opened.start(first, done));
  const say = (message: object): void => {
    const { id, method, params } = message as { id?: string; method: string; params?: object };
    const read = params && Payload.of(params);
    if (id === undefined) opened.hear({ kind: "notification", method, params: read });
    else opened.hear({ kind: "request", id: Buffer.from(JSON.stringify(id)), method, params: read });
  };
  const ask = async (id: string) => {
    say({ id, method: "roots/list" });
    clock.advance(OPEN_CALL.collectMs);
    return attempt;
  };
  const cancelled = (): boolean => upstream?.aborted ?? false;
  return {
    ...{ attempt, call: opened },
    clock,
    parking,
    responses,
    unclaimed,
    say,
    ask,
    cancelled,
    settle: (to: LinkAttempt) => settle(to),
  };
}

const DONE: LinkAttempt = { kind: "done", result: Payload.of({ ok: true }) };
const ticketOf = (attempt: LinkAttempt): string => {
  const point = attempt.kind === "asks" ? readTicket(attempt.ticket) : undefined;
  return point?.kind === "parked" ? point.id : "";
};

describe("the time of an open call", () => {
  it("stands still while its agent thinks", async () => {
    const run = start();
    run.clock.advance(900);
    const asked = await run.ask("q");
    run.clock.advance(PARKING.expiryMs - 1);
    const parked = run.parking.take(ticketOf(asked), OWNER);
    const back = resumed(parked, callOf(undefined, { "input-1": { roots: [] } }).call);
    run.clock.advance(999);
    expect(run.cancelled()).toBe(false);
    run.clock.advance(1);
    expect(await back).toMatchObject({ kind: "failed", fault: "timeout", delivery: "sent_unknown" });
    expect(run.cancelled()).toBe(true);
  });

  it("starts anew with progress, up to the most that a call may take in all its rounds", async () => {
    const run = start();
    for (let spent = 0; spent < 4_000; spent += 800) {
      run.clock.advance(800);
      run.say({ method: "notifications/progress", params: { progress: spent } });
    }
    const asked = await run.ask("q");
    const back = resumed(run.parking.take(ticketOf(asked), OWNER), callOf(undefined, { "input-1": {} }).call);
    run.clock.advance(1_000 - OPEN_CALL.collectMs);
    expect(await back).toMatchObject({ fault: "timeout" });
  });

  it("ends when nobody has come back, and the upstream is told", async () => {
    const run = start();
    const asked = await run.ask("q");
    run.clock.advance(PARKING.expiryMs);
    expect(run.cancelled()).toBe(true);
    expect(run.parking.take(ticketOf(asked), OWNER)).toBeUndefined();
    expect(run.parking.size).toBe(0);
    expect(run.clock.pending).toBe(0);
  });
});

describe("an open call", () => {
  it("answers with the result that comes before a question could be asked, and gives the question away", async () => {
    const run = start();
    run.say({ id: "q", method: "roots/list" });
    run.settle(DONE);
    expect(await run.attempt).toBe(DONE);
    expect(run.unclaimed).toMatchObject([{ kind: "request", method: "roots/list" }]);
    expect(run.clock.pending).toBe(0);
  });

  it("keeps the result for an agent that comes back later", async () => {
    const run = start();
    const asked = await run.ask("q");
    run.settle(DONE);
    await run.call.over();
    expect(await resumed(run.parking.take(ticketOf(asked), OWNER), callOf().call)).toBe(DONE);
  });

  const large = Payload.of({ text: "x".repeat(OPEN_CALL.maxWaitingResultBytes) });
  it.each<[string, LinkAttempt]>([
    ["result", { kind: "done", result: large }],
    ["error", { kind: "answered", error: large }],
  ])("keeps no %s that is too large to wait", async (_, attempt) => {
    const run = start();
    const asked = await run.ask("q");
    run.settle(attempt);
    await run.call.over();
    const back = await resumed(run.parking.take(ticketOf(asked), OWNER), callOf().call);
    expect(back).toMatchObject({ kind: "failed", fault: "too_large", delivery: "answered" });
  });

  it("counts what a question is called among what it takes", async () => {
    const run = start();
    run.say({ id: "q".repeat(2_000_000), method: "roots/list" });
    expect(run.responses).toMatchObject([{ error: { message: expect.stringContaining("Too many questions") } }]);
    run.settle(DONE);
    expect(await run.attempt).toBe(DONE);
  });

  it("that was refused after its agent had been asked is not taken for one that never ran", async () => {
    const run = start();
    const asked = await run.ask("q");
    run.settle(failed({ fault: "session_lost", delivery: "refused", detail: "" }));
    await run.call.over();
    const back = await resumed(run.parking.take(ticketOf(asked), OWNER), callOf().call);
    expect(back).toMatchObject({ kind: "failed", delivery: "sent_unknown" });
  });

  it("does not ask what the upstream no longer wants to know", async () => {
    const run = start();
    run.say({ id: "q", method: "roots/list" });
    run.say({ method: "notifications/cancelled", params: { requestId: "q" } });
    run.clock.advance(OPEN_CALL.collectMs);
    run.settle(DONE);
    expect(await run.attempt).toBe(DONE);
    expect(run.unclaimed).toEqual([]);
  });

  it("asks in the next round what came while its agent was thinking", async () => {
    const run = start();
    const asked = await run.ask("one");
    run.say({ id: "two", method: "roots/list" });
    const back = await resumed(
      run.parking.take(ticketOf(asked), OWNER),
      callOf(undefined, { "input-1": { roots: [] } }).call,
    );
    expect(back?.kind === "asks" && [...back.questions.keys()]).toEqual(["input-2"]);
    expect(run.responses).toEqual([{ jsonrpc: "2.0", id: "one", result: { roots: [] } }]);
  });

  it("answers a ping itself", () => {
    const run = start();
    run.say({ id: "p", method: "ping" });
    expect(run.responses).toEqual([{ jsonrpc: "2.0", id: "p", result: {} }]);
  });

  it("says nothing of progress to an agent that was only asked", async () => {
    const { call, notices } = callOf();
    const run = start(call);
    await run.ask("q");
    run.say({ method: "notifications/progress", params: { progress: 1 } });
    expect(notices).toEqual([]);
  });

  it("whose agent has gone already is never sent for", async () => {
    const run = start(callOf(aborted()).call);
    expect(run.cancelled()).toBe(true);
    run.settle(failed({ fault: "cancelled", delivery: "not_sent", detail: "" }));
    expect(await run.attempt).toMatchObject({ fault: "cancelled", delivery: "not_sent" });
  });
});
