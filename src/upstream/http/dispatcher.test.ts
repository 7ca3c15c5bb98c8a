import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { json, type Peer, type Seen, startPeer } from "../../../test/fixtures/http-peer.ts";
import { type ManualClock, manualClock } from "../../../test/fixtures/manual-clock.ts";
import { type OpenTransport, TRANSPORTS } from "../../../test/fixtures/transports.ts";
import { openDispatcher, type UpstreamDispatcher } from "./dispatcher.ts";
import { createHttpLink, type LinkRequest } from "./http-link.ts";
import { ListenedExchange } from "./listened-exchange.ts";
import type { Exchange } from "./transport.ts";

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

interface Setup {
  readonly peer: Peer;
  readonly clock: ManualClock;
  readonly dispatcher: UpstreamDispatcher;
  /** Sends and resolves with the status or the error. */
  send(path: string, overrides?: Partial<LinkRequest>): { abandon(): void; outcome: Promise<unknown> };
}

/** An exchange as channels have them, of which its status is of interest, or its failure. */
function statusExchange(
  to: { readonly url: string; readonly clock: ManualClock; readonly dispatcher: UpstreamDispatcher },
  { upgraded = false, ...request }: Partial<LinkRequest> & { readonly upgraded?: boolean },
): { exchange: ListenedExchange; outcome: Promise<unknown> } {
  let over = (_outcome: unknown): void => {};
  const outcome = new Promise(resolve => {
    over = resolve;
  });
  let status = 0;
  const link = createHttpLink({ ...to, headers: {} });
  if (upgraded) link.moved.set("POST /mcp", { path: "/mcp", upgraded });
  const exchange = new ListenedExchange(link, {
    head: head => {
      status = head.status;
    },
    data: () => {},
    end: () => over(status),
    failed: failure => over(Object.assign(new Error(failure.detail), failure)),
  });
  const plain = { lane: "call", method: "POST", path: "/mcp", headers: {}, ownHeaders: [], body: null } as const;
  exchange.start({ ...plain, ...request });
  return { exchange, outcome };
}

let openTransport: OpenTransport;

async function setup(): Promise<Setup> {
  const peer = await startPeer(() => {});
  const clock = manualClock();
  const dispatcher = openDispatcher({ url: peer.url, clock, connections: 2, openTransport });
  cleanups.push(
    () => peer.close(),
    () => dispatcher.close(),
  );
  const send: Setup["send"] = (path, overrides) => {
    const { exchange, outcome } = statusExchange({ url: peer.url, clock, dispatcher }, { path, ...overrides });
    return { abandon: () => exchange.abandon(), outcome };
  };
  return { peer, clock, dispatcher, send };
}
const paths = (seen: readonly Seen[]) => seen.map(one => one.url);

describe.each(TRANSPORTS)("over %s", (_, open) => {
  beforeEach(() => {
    openTransport = open;
  });

  it("queues calls beyond the limit and sends them in order as places become free", async () => {
    const { peer, send } = await setup();
    const sent = ["/1", "/2", "/3", "/4"].map(path => send(path));
    await peer.request(1);
    json(peer.seen[0]!, 200, "");
    await peer.request(2);
    expect(paths(peer.seen).slice(0, 3).sort()).toEqual(["/1", "/2", "/3"]);
    for (const one of peer.seen.slice(1)) json(one, 200, "");
    json(await peer.request(3), 200, "");
    expect(await Promise.all(sent.map(one => one.outcome))).toEqual([200, 200, 200, 200]);
  });

  it("lets answers and streams pass a full queue", async () => {
    const { peer, send } = await setup();
    for (const path of ["/1", "/2", "/queued"]) send(path);
    send("/answer", { lane: "control" });
    send("/stream", { lane: "stream", method: "GET" });
    await peer.request(3);
    expect(paths(peer.seen).sort()).toEqual(["/1", "/2", "/answer", "/stream"]);
  });

  it("does not let slow calls starve the ones behind them", async () => {
    const { peer, clock, send } = await setup();
    for (const path of ["/slow", "/slow", "/3", "/4"]) send(path);
    await peer.request(1);
    clock.advance(50);
    await peer.request(3);
    expect(clock.pending).toBe(0);
  });

  it("gives a place free when its reply becomes an event stream or is abandoned", async () => {
    const { peer, send } = await setup();
    for (const path of ["/1", "/2", "/3"]) send(path);
    await peer.request(1);
    peer.seen[0]!.response.writeHead(200, { "content-type": "text/event-stream" }).flushHeaders();
    await peer.request(2);
    const queued = send("/never");
    queued.abandon();
    const next = send("/5");
    const abandoned = send("/6");
    abandoned.abandon();
    json(peer.seen[1]!, 200, "");
    json(await peer.request(3), 200, "");
    expect(await next.outcome).toBe(200);
    expect(paths(peer.seen)).not.toContain("/never");
  });

  it("breaks everything when it closes", async () => {
    const { peer, send, dispatcher } = await setup();
    const sent = ["/1", "/2", "/queued"].map(path => send(path).outcome);
    await peer.request(1);
    await dispatcher.close();
    for (const outcome of await Promise.all(sent)) expect(outcome).toBeInstanceOf(Error);
    expect(await send("/late").outcome).toBeInstanceOf(Error);
  });
});

describe("towards an upstream", () => {
  const statusOf = (dispatcher: UpstreamDispatcher, request: { readonly upgraded?: boolean } = {}): Promise<unknown> =>
    statusExchange({ url: "http://h.test/mcp", clock: manualClock(), dispatcher }, request).outcome;
  const answering = async (): Promise<Peer> => {
    const peer = await startPeer(seen => json(seen, 200, "{}"));
    cleanups.push(() => peer.close());
    return peer;
  };

  it.each(TRANSPORTS)("with several addresses the first that answers is taken: %s", async (_, openTransport) => {
    const peer = await answering();
    const url = `http://many.test:${new URL(peer.url).port}/mcp`;
    const asked: boolean[] = [];
    const dispatcher = openDispatcher({
      ...{ url, clock: manualClock(), openTransport },
      lookup: (_name, options, callback) => {
        asked.push(options.all === true);
        // Nobody listens at the first, and the second is of the other family.
        const found = [
          { address: "127.0.0.2", family: 4 },
          { address: "::1", family: 6 },
          { address: "127.0.0.1", family: 4 },
        ];
        callback(null, found as never, 0 as never);
      },
    });
    cleanups.push(() => dispatcher.close());
    expect(await statusOf(dispatcher)).toBe(200);
    expect(asked).toEqual([true]);
  });

  it.each(TRANSPORTS)("that moved the new address is found with the next connection: %s", async (_, openTransport) => {
    const [one, two] = [await answering(), await answering()];
    let address = "127.0.0.1";
    const url = `http://moves.test:${new URL(one.url).port}/mcp`;
    const dispatcher = openDispatcher({
      ...{ url, clock: manualClock(), openTransport },
      lookup: (_name, _options, callback) => callback(null, [{ address, family: 4 }]),
    });
    cleanups.push(() => dispatcher.close());
    expect(await statusOf(dispatcher)).toBe(200);
    await one.close();
    address = "127.0.0.2";
    expect(await statusOf(dispatcher)).toMatchObject({ message: expect.stringContaining("ECONNREFUSED") });
    expect(two.seen).toEqual([]);
  });

  it("that sends us to TLS, requests go there over a connection of their own", async () => {
    const [plain, secure] = [await answering(), await answering()];
    const opened: string[] = [];
    const dispatcher = openDispatcher({
      ...{ url: "http://h.test/mcp", clock: manualClock() },
      openTransport: options => {
        opened.push(options.url);
        const { url } = options.url.startsWith("https:") ? secure : plain;
        return TRANSPORTS[0]![1]({ ...options, url });
      },
    });
    cleanups.push(() => dispatcher.close());
    expect(await statusOf(dispatcher)).toBe(200);
    expect(await statusOf(dispatcher, { upgraded: true })).toBe(200);
    expect(await statusOf(dispatcher, { upgraded: true })).toBe(200);
    expect(opened).toEqual(["http://h.test/mcp", "https://h.test/mcp"]);
    expect([plain.seen.length, secure.seen.length]).toEqual([1, 2]);
  });
});

/** Exchanges over a transport that carries the first one and fails all others at once. */
function failing() {
  const clock = manualClock();
  const begun: Exchange[] = [];
  const start = (exchange: Exchange): void => {
    begun.push(exchange);
    if (begun.length > 1) exchange.fail(new Error("at once"));
  };
  const transport = () => ({ start, close: async () => {} });
  const dispatcher = openDispatcher({ url: "http://a", clock, connections: 1, openTransport: transport });
  const exchange = (fail: (self: Exchange) => void): Exchange => ({
    ...{ request: { lane: "call", upgraded: false } as Exchange["request"], isOver: false, carrier: undefined },
    ...{ turn: "none", queuedAt: 0, sent() {}, head() {}, data() {}, end() {} },
    fail() {
      fail(this);
    },
  });
  return { dispatcher, begun, exchange };
}

it("goes through a long queue of what fails at once, without standing deeper for each", () => {
  const { dispatcher, begun, exchange } = failing();
  let [depth, deepest] = [0, 0];
  const fail = (self: Exchange): void => {
    deepest = Math.max(deepest, ++depth);
    dispatcher.leave(self);
    depth--;
  };
  for (let number = 0; number < 10_000; number++) dispatcher.start(exchange(fail));
  dispatcher.leave(begun[0]!);
  expect([begun.length, deepest]).toEqual([10_000, 1]);
});

it("forgets nothing that begins to wait while what waited is ended", async () => {
  const { dispatcher, begun, exchange } = failing();
  const late = exchange(self => dispatcher.leave(self));
  const second = exchange(() => {});
  const first = exchange(() => {
    dispatcher.start(late);
    dispatcher.leave(second);
  });
  for (const each of [exchange(() => {}), first, second]) dispatcher.start(each);
  await dispatcher.close();
  dispatcher.leave(begun[0]!);
  expect(begun.includes(late)).toBe(true);
});
