import { describe, expect, test } from "vitest";
import { createInbox } from "../../test/fixtures/agents/wire.ts";
import { done } from "../../test/fixtures/front/fake-front.ts";
import { httpFront, openEvents } from "../../test/fixtures/front/http.ts";
import type { Call } from "../core/call.ts";
import { Payload } from "../core/payload.ts";
import { SESSION_POST } from "./session-post.ts";

const body = (id: number, method = "tools/call") =>
  JSON.stringify({ jsonrpc: "2.0", id, method, params: { name: "run", _meta: { progressToken: 1 } } });
const batch = (...bodies: string[]) => `[${bodies.join(",")}]`;

/** Calls wait until the test lets them go. */
async function held() {
  const inbox = createInbox<{ call: Call; finish(): void }>();
  const side = await httpFront({
    handle: call =>
      new Promise(resolve => {
        inbox.push({ call, finish: () => resolve(done({ content: [], about: call.params.string("name") ?? "" })) });
        call.signal.onAbort(() => resolve({ kind: "failed", failure: { kind: "cancelled" } }));
      }),
  });
  return { ...side, call: (at: number) => inbox.next(() => inbox.all.length > at).then(() => inbox.all[at]) };
}

const progress = (call: Call | undefined, step: number): void =>
  void call?.notify({ method: "notifications/progress", params: Payload.of({ progressToken: 9, progress: step }) });
const stepOf = (data: string): unknown => JSON.parse(data).params?.progress;

describe("a call within a session", () => {
  test("gets plain JSON when it is answered soon", async () => {
    const { agent } = await httpFront();
    const answered = await (await agent("2025-11-25")).request("tools/call", { name: "run" });
    expect(answered.headers["content-type"]).toBe("application/json");
    expect(answered.message?.result).toBeDefined();
  });

  test.each([
    ["2025-11-25", true],
    ["2025-06-18", false],
    ["2025-03-26", false],
  ])("that takes long gets a stream (%s), primed only where the agent reads that", async (version, primed) => {
    const { agent, clock, url, call } = await held();
    const { session } = await agent(version);
    const opening = openEvents(url, { session, body: body(5) });
    const running = await call(0);
    clock.advance(SESSION_POST.streamAfterMs);
    const stream = await opening;
    expect(stream.type).toBe("text/event-stream");
    running?.finish();
    const all = await stream.rest();
    expect(all.map(({ data }) => data === "")).toEqual(primed ? [true, false] : [false]);
    expect(all.every(({ id }) => /^[A-Za-z0-9_-]{60,}\.\d$/.test(id ?? ""))).toBe(true);
    expect(JSON.parse(all.at(-1)?.data ?? "")).toMatchObject({ id: 5, result: {} });
  });

  test("is not cancelled by a broken connection, and its stream goes on where it broke", async () => {
    const { agent, url, call } = await held();
    const { session } = await agent("2025-11-25");
    const opening = openEvents(url, { session, body: body(5) });
    const running = await call(0);
    progress(running?.call, 1);
    const stream = await opening;
    await stream.next();
    const first = await stream.next();
    stream.hangUp();
    progress(running?.call, 2);
    const resumed = await openEvents(url, { session, headers: { "last-event-id": String(first.id) } });
    progress(running?.call, 3);
    expect(running?.call.signal.aborted).toBe(false);
    running?.finish();
    const all = await resumed.rest();
    expect([first, ...all].map(({ data }) => stepOf(data))).toEqual([1, 2, 3, undefined]);
    const again = await openEvents(url, { session, headers: { "last-event-id": String(all[1]?.id) } });
    expect((await again.rest()).map(({ data }) => JSON.parse(data).id)).toEqual([5]);
  });

  test("that its upstream puts off gets a stream at once, which stays open for the answer", async () => {
    const { agent, url, call } = await held();
    const { session } = await agent("2025-11-25");
    const opening = openEvents(url, { session, body: body(5) });
    const running = await call(0);
    running?.call.postponed?.();
    const stream = await opening;
    expect((await stream.next()).data).toBe("");
    running?.call.postponed?.();
    running?.finish();
    expect((await stream.rest()).map(({ data }) => JSON.parse(data).id)).toEqual([5]);
  });

  test("cannot be followed by another session, whose ids are just as unknown as invented ones", async () => {
    const { agent, url, call } = await held();
    const [mine, other] = [await agent("2025-11-25"), await agent("2025-11-25")];
    const opening = openEvents(url, { session: mine.session, body: body(5) });
    progress((await call(0))?.call, 1);
    const { id = "" } = await (await opening).next();
    const get = async (lastEventId: string) => {
      const stream = await openEvents(url, { session: other.session, headers: { "last-event-id": lastEventId } });
      return [stream.status, await stream.text()];
    };
    const [theirs, ...invented] = [
      await get(id),
      await get("no-such.1"),
      await get(`${id.slice(0, -1)}7`),
      await get(""),
    ];
    expect(theirs[0]).toBe(400);
    for (const answer of invented) expect(answer).toEqual(theirs);
  });

  test("that is cancelled ends without an answer at once, also when its stream has begun", async () => {
    const { agent, url, call } = await held();
    const mine = await agent("2025-06-18");
    for (const [at, begun] of [false, true].entries()) {
      const id = 10 + at;
      const opening = openEvents(url, { session: mine.session, body: body(id) });
      const running = await call(at);
      if (begun) progress(running?.call, 1);
      await mine.notify("notifications/cancelled", { requestId: id });
      expect((await (await opening).rest()).map(({ data }) => stepOf(data))).toEqual(begun ? [1] : []);
      expect(running?.call.signal.aborted).toBe(true);
    }
  });

  test("ends with its session, as does the session's own stream", async () => {
    const { agent, url, call } = await held();
    const mine = await agent("2025-11-25");
    const own = await openEvents(url, { session: mine.session });
    const opening = openEvents(url, { session: mine.session, body: body(5) });
    const running = await call(0);
    expect(await mine.remove()).toBe(204);
    expect(await (await opening).rest()).toEqual([]);
    expect(await own.rest()).toEqual([]);
    expect(running?.call.signal.aborted).toBe(true);
  });

  test("of an agent that reads no streams is answered in JSON, with nothing before", async () => {
    const { agent, clock, url, call } = await held();
    const { session } = await agent("2025-06-18");
    const opening = openEvents(url, { session, body: body(5), headers: { accept: "application/json" } });
    const running = await call(0);
    progress(running?.call, 1);
    clock.advance(SESSION_POST.streamAfterMs);
    running?.finish();
    expect(JSON.parse(await (await opening).text())).toMatchObject({ id: 5, result: {} });
  });

  test("is kept alive while it waits", async () => {
    const { agent, clock, url, call } = await held();
    const { session } = await agent("2025-06-18");
    const opening = openEvents(url, { session, body: body(5) });
    const running = await call(0);
    progress(running?.call, 1);
    const stream = await opening;
    clock.advance(60_000);
    running?.finish();
    expect((await stream.text()).match(/^:$/gm)?.length).toBeGreaterThanOrEqual(4);
  });
});

describe("a batch", () => {
  const list = JSON.stringify({ jsonrpc: "2.0", id: "l", method: "tools/list" });
  const note = JSON.stringify({ jsonrpc: "2.0", method: "notifications/initialized" });

  test("of 2025-03-26 is answered with one array, whatever is in it", async () => {
    const { agent } = await httpFront();
    const mine = await agent("2025-03-26");
    const { status, texts } = await mine.post(batch(body(1), note, list, '{"id":1}', "7"));
    expect(status).toBe(200);
    const answers = JSON.parse(texts[0] ?? "") as { id?: unknown; error?: { code: number } }[];
    expect(answers).toHaveLength(4);
    expect(new Set(answers.map(({ id, error }) => error?.code ?? id))).toEqual(new Set([1, "l", -32600]));
    expect((await mine.post(batch(list))).texts[0]).toMatch(/^\[\{.*\}\]$/);
    expect(await mine.post(batch(note, note))).toEqual({ status: 202, texts: [] });
  });

  test("whose calls tell something before their answers becomes a stream with each answer", async () => {
    const { agent, url, call } = await held();
    const { session } = await agent("2025-03-26");
    const opening = openEvents(url, { session, body: batch(body(1), body(2), list) });
    const [one, two] = [await call(0), await call(1)];
    two?.finish();
    progress(one?.call, 1);
    one?.finish();
    const all = await (await opening).rest();
    expect(new Set(all.map(({ data }) => JSON.parse(data).id))).toEqual(new Set([undefined, 1, 2, "l"]));
    expect(all).toHaveLength(4);
  });

  test("is refused where it is not of the revision, empty, too long or no JSON", async () => {
    const { agent, url } = await httpFront();
    const old = await agent("2025-03-26");
    const refused = async (text: string, session = old.session) => {
      const stream = await openEvents(url, { session, body: text });
      return [stream.status, JSON.parse(await stream.text()).error.code];
    };
    expect(await refused(batch(list), (await agent("2025-06-18")).session)).toEqual([400, -32600]);
    expect(await refused("[]")).toEqual([400, -32600]);
    expect(await refused(batch(...Array<string>(101).fill(note)))).toEqual([400, -32600]);
    expect(await refused(`${batch(list)}x`)).toEqual([400, -32700]);
    expect(await refused(`[${list}`)).toEqual([400, -32700]);
    const without = await openEvents(url, { body: batch(list) });
    expect(without.status).toBe(400);
    const modern = await openEvents(url, { body: batch(list), headers: { "mcp-protocol-version": "2026-07-28" } });
    expect(modern.status).toBe(400);
  });

  test("does not open a session, and cannot open one within a session", async () => {
    const { agent } = await httpFront();
    const mine = await agent("2025-03-26");
    const initialize = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "initialize", params: {} });
    expect(JSON.parse((await mine.post(batch(initialize))).texts[0] ?? "")).toMatchObject([
      { error: { code: -32600 } },
    ]);
  });
});

test("GET of an unknown session is 404 whatever it accepts, without one 405", async () => {
  const { url } = await httpFront();
  for (const accept of ["text/event-stream", "application/json", "*/*"]) {
    expect((await openEvents(url, { session: "no-such", headers: { accept } })).status).toBe(404);
    expect((await openEvents(url, { headers: { accept } })).status).toBe(405);
  }
});
