import { describe, expect, test } from "vitest";
import { type Json, recorder, session, settled } from "../../test/fixtures/front/session.ts";
import { Payload } from "../core/payload.ts";
import { Aborter } from "../core/signal.ts";
import type { OwnStream } from "./outbox.ts";

function stream(): OwnStream & { readonly told: Json[]; ended: boolean } {
  const told: Json[] = [];
  return {
    told,
    ended: false,
    send: text => void told.push(JSON.parse(text.toString())),
    end() {
      this.ended = true;
    },
  };
}

const subscribe = (uri: string, id = 1): Json => ({ id, method: "resources/subscribe", params: { uri } });
const updated = (uri: string): Json => ({ jsonrpc: "2.0", method: "notifications/resources/updated", params: { uri } });
const notice = (level: string) => ({
  method: "notifications/message",
  params: Payload.of({ level, data: level }),
});
const never = new Aborter().signal;

describe("an upstream's question outside a call", () => {
  test("goes to the session's stream, and its answer back", async () => {
    const agent = session({ capabilities: { roots: {} } });
    const own = stream();
    agent.session.attach(own);
    const answer = agent.front.contacts.get("s")?.ask(Payload.of({ method: "roots/list" }), never);
    await settled();
    expect(own.told).toMatchObject([{ method: "roots/list" }]);
    await agent.receive({ id: own.told[0]?.id, result: { roots: [1] } });
    const given = await answer;
    expect(given?.kind === "result" && given.result.value()).toEqual({ roots: [1] });
  });

  test("fails at once without a stream, and for what the agent has not declared", async () => {
    const agent = session({ capabilities: { roots: {} } });
    const contact = agent.front.contacts.get("s");
    expect((await contact?.ask(Payload.of({ method: "roots/list" }), never))?.kind).toBe("error");
    const own = stream();
    agent.session.attach(own);
    const undeclared = await contact?.ask(Payload.of({ method: "sampling/createMessage", params: {} }), never);
    expect(undeclared?.kind === "error" && undeclared.error.value()).toMatchObject({ code: -32601 });
    expect(own.told).toEqual([]);
  });

  test("is taken back when the upstream does not want to know any more", async () => {
    const agent = session({ capabilities: { roots: {} } });
    const own = stream();
    agent.session.attach(own);
    const wanted = new Aborter();
    const answer = agent.front.contacts.get("s")?.ask(Payload.of({ method: "roots/list" }), wanted.signal);
    await settled();
    wanted.abort();
    expect((await answer)?.kind).toBe("error");
    expect(own.told.at(-1)).toMatchObject({
      method: "notifications/cancelled",
      params: { requestId: own.told[0]?.id },
    });
  });
});

test("log lines outside a call reach the agent from the level on that it has set", async () => {
  const agent = session();
  const own = stream();
  agent.session.attach(own);
  const contact = agent.front.contacts.get("s");
  contact?.tell(notice("debug"));
  await agent.receive({ id: 1, method: "logging/setLevel", params: { level: "warning" } });
  contact?.tell(notice("info"));
  contact?.tell(notice("error"));
  expect(own.told.map(({ params }) => (params as Json).level)).toEqual(["debug", "error"]);
});

describe("a watched resource", () => {
  test("is watched once however often the agent asks, until it says so or is gone", async () => {
    const agent = session();
    const { told, exchange } = recorder();
    await agent.receive(subscribe("test://one"), exchange);
    await agent.receive(subscribe("test://one", 2), exchange);
    await agent.receive(subscribe("test://two", 3), exchange);
    expect(told.map(({ id, result }) => [id, result])).toEqual([
      [1, {}],
      [2, {}],
      [3, {}],
    ]);
    expect(agent.front.subscribed.map(({ uri }) => uri)).toEqual(["test://one", "test://two"]);
    await agent.receive({ id: 4, method: "resources/unsubscribe", params: { uri: "test://one" } });
    await agent.receive({ id: 5, method: "resources/unsubscribe", params: { uri: "test://none" } }, exchange);
    await settled();
    expect(agent.front.subscribed.map(({ closed }) => closed)).toEqual([true, false]);
    agent.session.close();
    await settled();
    expect(agent.front.subscribed.map(({ closed }) => closed)).toEqual([true, true]);
  });

  test("is told of on the session's stream, or once when there is one", async () => {
    const agent = session();
    await agent.receive(subscribe("test://one"));
    const [watch] = agent.front.subscribed;
    watch?.updated(Payload.of({ uri: "test://one" }));
    watch?.updated(Payload.of({ uri: "test://one" }));
    const own = stream();
    agent.session.attach(own);
    watch?.updated(Payload.of({ uri: "test://one" }));
    expect(own.told).toEqual([updated("test://one"), updated("test://one")]);
  });

  test("that cannot be watched is an error, and can be tried again", async () => {
    let attempts = 0;
    const agent = session({
      subscribe() {
        attempts++;
        return Promise.resolve({ kind: "failed", failure: { kind: "invalid", message: "no" } });
      },
    });
    const { told, exchange } = recorder();
    await agent.receive(subscribe("test://x"), exchange);
    await agent.receive(subscribe("test://x", 2), exchange);
    await agent.receive({ id: 3, method: "resources/subscribe" }, exchange);
    expect(told.map(({ error }) => (error as Json).code)).toEqual([-32602, -32602, -32602]);
    expect(attempts).toBe(2);
  });
});

test("a second stream takes the place of the first, and the end of the session ends it", () => {
  const agent = session();
  const [first, second] = [stream(), stream()];
  const detachFirst = agent.session.attach(first);
  agent.session.attach(second);
  detachFirst();
  agent.session.listsChanged({ view: { kind: "all" }, kinds: ["resource", "template"], owner: undefined });
  expect(first).toMatchObject({ ended: true, told: [] });
  expect(second.told).toEqual([{ jsonrpc: "2.0", method: "notifications/resources/list_changed" }]);
  agent.session.close();
  expect(second.ended).toBe(true);
});
