import { afterEach, describe, expect, it } from "vitest";
import {
  type Answer,
  errorText,
  events,
  eventText,
  json,
  noticeText,
  outbound,
  type Peer,
  plain,
  resultText,
  startPeer,
  watchedClock,
} from "../../test/fixtures/http-peer.ts";
import { Payload } from "../core/payload.ts";
import { type Message, notificationText } from "../wire/message.ts";
import { type HttpChannel, type HttpChannelOptions, openHttpChannel } from "./http.ts";

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

interface Setup {
  readonly peer: Peer;
  readonly channel: HttpChannel;
  readonly clock: ReturnType<typeof watchedClock>;
  readonly closed: string[];
  nextMessage(): Promise<Message>;
}

async function setup(answer: Answer, options: Partial<HttpChannelOptions> = {}): Promise<Setup> {
  const peer = await startPeer(answer);
  const clock = watchedClock();
  const closed: string[] = [];
  const messages: Message[] = [];
  let wake = (): void => {};
  const channel = openHttpChannel(
    { url: peer.url, headers: {}, clock, random: () => 0.5, ...options },
    {
      message: message => {
        messages.push(message);
        wake();
      },
      closed: detail => closed.push(detail),
    },
  );
  cleanups.push(
    () => peer.close(),
    () => channel.close(),
  );
  const nextMessage = async (): Promise<Message> => {
    if (messages.length === 0) {
      await new Promise<void>(resolve => {
        wake = resolve;
      });
    }
    return messages.shift()!;
  };
  return { peer, channel, clock, closed, nextMessage };
}

/** Answers `initialize` with a session id and everything else as told. */
const withSession =
  (answer: Answer, session = "s-1"): Answer =>
  seen => {
    if (seen.text.includes('"initialize"')) json(seen, 200, resultText(seen.id), { "mcp-session-id": session });
    else if (seen.method === "DELETE") seen.response.writeHead(204).end();
    else answer(seen);
  };
const initialize = () => outbound({ method: "initialize", params: {} });
const LEGACY = { "mcp-protocol-version": "2025-11-25" };

describe("the session", () => {
  it("is remembered from initialize, sent with everything after it, and ended on close", async () => {
    const { peer, channel, closed } = await setup(withSession(seen => json(seen, 200, resultText(seen.id))));
    await channel.request(initialize());
    expect(channel.sessionId).toBe("s-1");
    await channel.notify(notificationText("notifications/initialized"), LEGACY);
    await channel.request(outbound());
    await channel.close();
    await channel.close();
    expect(peer.seen.map(({ method, headers }) => [method, headers["mcp-session-id"]])).toEqual([
      ...[
        ["POST", undefined],
        ["POST", "s-1"],
        ["POST", "s-1"],
        ["DELETE", "s-1"],
      ],
    ]);
    expect(peer.seen[3]!.headers["mcp-protocol-version"]).toBe("2025-11-25");
    expect(closed).toHaveLength(1);
  });

  it.each<[string, Answer]>([
    ["404", seen => void seen.response.writeHead(404).end()],
    ["404 with an error", seen => json(seen, 404, errorText(null, -32001, "Session not found"))],
    [
      "400 without id that speaks of the session",
      seen => json(seen, 400, errorText(null, -32000, "No valid session ID")),
    ],
  ])("is lost when the upstream says %s", async (_, answer) => {
    const { channel } = await setup(withSession(answer));
    await channel.request(initialize());
    expect(plain(await channel.request(outbound()))).toMatchObject({ fault: "session_lost", delivery: "refused" });
  });

  it("is not lost over an unknown method", async () => {
    const { channel } = await setup(withSession(seen => json(seen, 404, errorText(seen.id, -32601))));
    await channel.request(initialize());
    expect(await channel.request(outbound())).toMatchObject({ kind: "error", status: 404 });
  });

  it("is replaced by a second initialize, which does not send the old one", async () => {
    let turn = 0;
    const { peer, channel } = await setup(seen => withSession(() => {}, `s-${++turn}`)(seen));
    await channel.request(initialize());
    await channel.request(initialize());
    expect(peer.seen[1]!.headers["mcp-session-id"]).toBeUndefined();
    expect(channel.sessionId).toBe("s-2");
  });

  it("does not hold up closing when the upstream never answers DELETE", async () => {
    const { peer, channel, clock } = await setup(seen => seen.method === "DELETE" || withSession(() => {})(seen));
    await channel.request(initialize());
    const waiting = clock.timer(2_000);
    const closing = channel.close();
    await waiting;
    await peer.request(1);
    clock.advance(2_000);
    await closing;
  });
});

describe("a request", () => {
  it("carries the configured and its own headers and nothing else", async () => {
    const { peer, channel } = await setup(seen => json(seen, 200, resultText(seen.id)), {
      headers: { "X-Api-Key": "k" },
    });
    await channel.request(outbound({ headers: { "mcp-method": "tools/call" } }));
    expect(Object.keys(peer.seen[0]!.headers).sort()).toEqual([
      ...[
        "accept",
        "accept-encoding",
        "connection",
        "content-length",
        "content-type",
        "host",
        "mcp-method",
        "x-api-key",
      ],
    ]);
    expect(peer.seen[0]!.headers.host).toBe(new URL(peer.url).host);
  });

  it("that the agent gives up closes the connection and says nothing more", async () => {
    const { peer, channel, clock } = await setup(seen => void events(seen, ": open\n\n"));
    const controller = new AbortController();
    const request = outbound({ signal: controller.signal });
    const reply = channel.request(request);
    const { closed } = await peer.request(0);
    controller.abort();
    expect(await reply).toMatchObject({ fault: "cancelled", delivery: "sent_unknown" });
    await closed;
    expect(clock.pending).toBe(0);
    expect(await channel.request(request)).toMatchObject({ fault: "cancelled", delivery: "not_sent" });
  });

  it("times out, later when there was progress, but never beyond the maximum", async () => {
    const { peer, channel, clock } = await setup(seen => void events(seen));
    let told = (): void => {};
    const onMessage = (): void => told();
    const request = channel.request(outbound({ timeoutMs: 1_000, maxTimeoutMs: 2_500, onMessage }));
    let settled = false;
    void request.then(() => {
      settled = true;
    });
    const { response, closed } = await peer.request(0);
    const progress = async (): Promise<void> => {
      const passed = new Promise<void>(resolve => {
        told = resolve;
      });
      response.write(eventText(noticeText("notifications/progress", { progressToken: 1, progress: 1 })));
      await passed;
    };
    for (const ms of [900, 900]) {
      clock.advance(ms);
      await progress();
    }
    clock.advance(600);
    await progress();
    expect(settled).toBe(false);
    clock.advance(100);
    expect(await request).toMatchObject({ fault: "timeout", delivery: "partial" });
    await closed;
  });

  it("in flight ends when the channel closes, and later ones are never sent", async () => {
    const { peer, channel } = await setup(() => {});
    const reply = channel.request(outbound());
    await peer.request(0);
    await channel.close();
    expect(await reply).toMatchObject({ fault: "connection_lost", delivery: "sent_unknown" });
    expect(await channel.request(outbound())).toMatchObject({ fault: "connection_lost", delivery: "not_sent" });
    expect(peer.seen).toHaveLength(1);
  });
});

describe("a stream that breaks after an event id", () => {
  const priming = "id: e1\nretry: 700\ndata:\n\n";

  it("is taken up again where it was, after the time that the upstream asked for", async () => {
    const { peer, channel, clock } = await setup(
      withSession(seen => {
        if (seen.method === "POST") events(seen, priming).end();
        else events(seen, eventText(noticeText("notifications/message"), "id: e2\n"));
      }),
    );
    await channel.request(initialize());
    const request = outbound({ headers: LEGACY });
    const waiting = clock.timer(700);
    const reply = channel.request(request);
    await waiting;
    expect(peer.seen).toHaveLength(2);
    clock.advance(700);
    const { method, headers, response } = await peer.request(2);
    expect([method, headers["last-event-id"], headers["mcp-session-id"]]).toEqual(["GET", "e1", "s-1"]);
    expect(headers["mcp-protocol-version"]).toBe("2025-11-25");
    response.end(eventText(resultText(request.id)));
    expect(plain(await reply)).toEqual({ kind: "result", result: { ok: true } });
    expect(request.told).toHaveLength(1);
  });

  it("is lost after three tries, or at once when the upstream cannot resume", async () => {
    for (const [status, tries] of [
      [503, 3],
      [405, 1],
    ] as const) {
      const { peer, channel, clock } = await setup(seen =>
        seen.method === "POST" ? events(seen, priming).end() : seen.response.writeHead(status).end(),
      );
      const reply = channel.request(outbound());
      let settled = false;
      void reply.then(() => {
        settled = true;
      });
      for (let turn = 1; turn <= tries; turn++) {
        const delayMs = Math.max(700, 500 * 2 ** (turn - 1));
        if (turn === 1) await clock.timer(delayMs);
        const next = clock.timer(Math.max(700, 500 * 2 ** turn));
        clock.advance(delayMs);
        await peer.request(turn);
        if (turn < tries) await next;
      }
      expect(await reply).toMatchObject({ fault: "connection_lost", delivery: "sent_unknown" });
      expect([settled, peer.seen.length]).toEqual([true, tries + 1]);
    }
  });
});

describe("the standalone stream", () => {
  it("brings messages and connects again where it left off", async () => {
    const changed = noticeText("notifications/tools/list_changed");
    const { peer, channel, clock, nextMessage } = await setup(seen => {
      const stream = events(seen, eventText(changed, `id: e${peer.seen.length}\n`));
      if (peer.seen.length === 1) stream.end();
    });
    const waiting = clock.timer(500);
    channel.openStream(LEGACY);
    expect(await nextMessage()).toMatchObject({ kind: "notification" });
    await waiting;
    clock.advance(500);
    expect((await peer.request(1)).headers["last-event-id"]).toBe("e1");
    expect(await nextMessage()).toMatchObject({ kind: "notification" });
    await channel.close();
    await peer.seen[1]!.closed;
  });

  it("is left alone when the upstream offers none", async () => {
    const { peer, channel, clock } = await setup(seen => void seen.response.writeHead(405).end());
    const drained = clock.timer(1_000);
    channel.openStream(LEGACY);
    await drained;
    clock.advance(1_000_000);
    expect(clock.pending).toBe(0);
    expect(peer.seen).toHaveLength(1);
  });

  it("does not take responses", async () => {
    const { channel, nextMessage } = await setup(
      seen => void events(seen, eventText(resultText(1)), eventText("x"), eventText(noticeText("n"))),
    );
    channel.openStream(LEGACY);
    await nextMessage();
    expect(channel.dropped).toBe(2);
  });
});

it("delivers a notification without waiting for its body and never rejects", async () => {
  const { peer, channel } = await setup(seen => void seen.response.writeHead(202).flushHeaders());
  await channel.notify(notificationText("notifications/cancelled", Payload.of({ requestId: 1 })), LEGACY);
  expect(peer.seen[0]!.text).toContain("cancelled");
  await peer.close();
  cleanups.shift();
  await channel.notify(notificationText("x"), {});
});
