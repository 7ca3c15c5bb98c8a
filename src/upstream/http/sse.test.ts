import { afterEach, expect, it } from "vitest";
import {
  type Answer,
  events,
  eventText,
  noticeText,
  outbound,
  type Peer,
  plain,
  resultText,
  type Seen,
  startPeer,
  watchedClock,
} from "../../../test/fixtures/http-peer.ts";
import { Aborter } from "../../core/signal.ts";
import type { Message } from "../../wire/message.ts";
import type { Channel } from "../channel/channel.ts";
import { requestOn } from "../channel/channel.ts";
import { openSseChannel } from "./sse.ts";

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

interface Setup {
  readonly peer: Peer;
  readonly channel: Channel;
  readonly clock: ReturnType<typeof watchedClock>;
  readonly messages: Message[];
  readonly closed: Promise<string>;
}

async function setup(answer: Answer): Promise<Setup> {
  const peer = await startPeer(answer);
  const clock = watchedClock();
  const messages: Message[] = [];
  let close = (_detail: string): void => {};
  const closed = new Promise<string>(resolve => {
    close = resolve;
  });
  const options = { url: peer.url, headers: { "x-api-key": "k" }, clock };
  const channel = openSseChannel(options, {
    message: message => messages.push(message),
    closed: detail => close(detail),
  });
  cleanups.push(
    () => peer.close(),
    () => channel.close(),
  );
  return { peer, channel, clock, messages, closed };
}

const ENDPOINT = "event: endpoint\ndata: /messages?session=1\n\n";
/** Names the address for messages and answers every POST on the stream as told. */
function server(reply: (stream: Seen["response"], seen: Seen) => void, endpoint = ENDPOINT): Answer {
  let stream: Seen["response"] | undefined;
  return seen => {
    if (seen.method === "GET") stream = events(seen, endpoint);
    else {
      seen.response.writeHead(202).end("Accepted");
      if (stream) reply(stream, seen);
    }
  };
}

it("posts to the address that the stream names and takes the reply from the stream", async () => {
  const { peer, channel, messages } = await setup(
    server((stream, { id }) => {
      stream.write(eventText(noticeText("notifications/message"), "event: message\n"));
      stream.write(eventText(resultText(id), "event: message\n"));
    }),
  );
  const replies = await Promise.all([outbound(), outbound()].map(request => requestOn(channel, request)));
  expect(replies.map(plain)).toEqual(Array(2).fill({ kind: "result", result: { ok: true } }));
  expect(messages).toHaveLength(2);
  const [stream, post] = peer.seen;
  expect([stream!.method, stream!.headers.accept, stream!.headers["x-api-key"]]).toEqual([
    "GET",
    "text/event-stream",
    "k",
  ]);
  expect([post!.method, post!.url, post!.headers["x-api-key"]]).toEqual(["POST", "/messages?session=1", "k"]);
});

it.each(["http://localhost:1/messages", "//evil.test/messages", "http://"])("refuses the address %s", async address => {
  const { peer, channel, closed } = await setup(server(() => {}, `event: endpoint\ndata: ${address}\n\n`));
  expect(await requestOn(channel, outbound())).toMatchObject({ fault: "protocol_error", delivery: "not_sent" });
  expect(await closed).toContain("another origin");
  expect(peer.seen).toHaveLength(1);
});

it("is unreachable when no address comes in time", async () => {
  const { peer, channel, clock, closed } = await setup(seen => void events(seen));
  const reply = requestOn(channel, outbound({ timeoutMs: 60_000 }));
  await peer.request(0);
  clock.advance(10_000);
  expect(await reply).toMatchObject({ fault: "unreachable", delivery: "not_sent" });
  await closed;
  expect(await requestOn(channel, outbound())).toMatchObject({ delivery: "not_sent" });
});

it("loses what is in flight with its stream", async () => {
  const { channel, closed } = await setup(server(stream => void stream.end()));
  expect(await requestOn(channel, outbound())).toMatchObject({ fault: "connection_lost", delivery: "sent_unknown" });
  expect(await closed).toContain("ended its stream");
});

it.each([
  [404, "session_lost", "refused", "undone"],
  [400, "rejected", "refused", "undone"],
  [401, "auth_required", "refused", "undone"],
  [500, "bad_response", "sent_unknown", "unknown"],
])(
  "fails a request whose POST is answered with %i, and leaves in doubt whether it is known",
  async (status, fault, delivery, doubt) => {
    const { channel } = await setup(seen =>
      seen.method === "GET" ? events(seen, ENDPOINT) : seen.response.writeHead(status).end(),
    );
    expect(await requestOn(channel, outbound())).toMatchObject({ fault, delivery, doubt, status });
  },
);

it("lets go of a POST that nobody answers once the reply has come on the stream", async () => {
  let stream: Seen["response"] | undefined;
  const { peer, channel, clock } = await setup(seen => {
    if (seen.method === "GET") stream = events(seen, ENDPOINT);
    else stream?.write(eventText(resultText(seen.id), "event: message\n"));
  });
  expect(await requestOn(channel, outbound({ timeoutMs: 3_600_000, maxTimeoutMs: 3_600_000 }))).toMatchObject({
    kind: "result",
  });
  const post = await peer.request(1);
  clock.advance(10_000);
  await post.closed;
});

it("ends a request at once whose answer makes no sense, and no other", async () => {
  const { channel } = await setup(
    server((stream, { id }) => {
      const wrong = [
        JSON.stringify({ jsonrpc: "2.0", id, method: 7 }),
        JSON.stringify({ jsonrpc: "2.0", id: 0, result: [] }),
        JSON.stringify({ jsonrpc: "2.0", id, result: [] }),
      ];
      stream.write(wrong.map(text => eventText(text, "event: message\n")).join(""));
    }),
  );
  expect(await requestOn(channel, outbound())).toMatchObject({
    ...{ kind: "failed", fault: "protocol_error", delivery: "answered" },
    detail: expect.stringContaining('"result" must be an object'),
  });
});

it.each([
  [404, "rejected", /HTTP 404 without/],
  [405, "rejected", /HTTP 405 without/],
  [200, "bad_response", /answered with text\/html and no event stream/],
])("is not opened by a server that offers no stream (%i)", async (status, fault, says) => {
  const html = { "content-type": "text/html" };
  const { channel, closed } = await setup(seen => void seen.response.writeHead(status, html).end());
  expect(await requestOn(channel, outbound())).toMatchObject({ fault, delivery: "not_sent" });
  expect(await closed).toMatch(says);
});

it("tells the upstream about a request that is no longer wanted, if it was sent", async () => {
  const { peer, channel } = await setup(server(() => {}));
  const controller = new Aborter();
  const request = outbound({ signal: controller.signal });
  const reply = requestOn(channel, request);
  await peer.request(1);
  controller.abort();
  expect(await reply).toMatchObject({ fault: "cancelled", delivery: "sent_unknown" });
  expect((await peer.request(2)).text).toContain(`"requestId":${request.id}`);
});

it("never sends a request that was given up before the address was known", async () => {
  const { peer, channel } = await setup(seen => void (seen.method === "GET" && events(seen)));
  const controller = new Aborter();
  const reply = requestOn(channel, outbound({ signal: controller.signal }));
  const { response } = await peer.request(0);
  controller.abort();
  expect(await reply).toMatchObject({ fault: "cancelled", delivery: "not_sent" });
  const next = requestOn(channel, outbound());
  response.write(ENDPOINT);
  await peer.request(1);
  expect(peer.seen).toHaveLength(2);
  await channel.close();
  expect(await next).toMatchObject({ fault: "connection_lost" });
});

it("learns nothing from what a redirect brings besides its address", async () => {
  const named = server((stream, seen) => stream.write(eventText(resultText(seen.id))));
  const { peer, channel } = await setup(seen => {
    if (seen.url !== "/mcp") return named(seen);
    const headers = { location: "/stream", "content-type": "text/event-stream" };
    seen.response.writeHead(307, headers).end("event: endpoint\ndata: /elsewhere\n\n");
  });
  expect(plain(await requestOn(channel, outbound()))).toMatchObject({ kind: "result" });
  expect(peer.seen.map(({ url }) => url)).toEqual(["/mcp", "/stream", "/messages?session=1"]);
});
