import { afterEach, describe, expect, it } from "vitest";
import {
  type ChannelSetup,
  initialize,
  LEGACY_HEADERS as LEGACY,
  startChannel,
  withSession,
} from "../../../test/fixtures/http-channel.ts";
import {
  type Answer,
  errorText,
  events,
  eventText,
  json,
  noticeText,
  outbound,
  resultText,
} from "../../../test/fixtures/http-peer.ts";
import { Payload } from "../../core/payload.ts";
import { Aborter } from "../../core/signal.ts";
import { notificationText } from "../../wire/message.ts";
import { requestOn } from "../channel/channel.ts";
import type { HttpChannelOptions } from "./streamable.ts";

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

async function setup(answer: Answer, options: Partial<HttpChannelOptions> = {}): Promise<ChannelSetup> {
  const started = await startChannel(answer, options);
  cleanups.push(started.close);
  return started;
}

describe("the session", () => {
  it("is remembered from initialize, sent with everything after it, and ended on close", async () => {
    const { peer, channel, closed } = await setup(withSession(seen => json(seen, 200, resultText(seen.id))));
    await requestOn(channel, initialize());
    expect(channel.sessionId).toBe("s-1");
    await channel.notify(notificationText("notifications/initialized"), LEGACY);
    await requestOn(channel, outbound());
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

  const bare =
    (status: number): Answer =>
    seen =>
      void seen.response.writeHead(status).end("No valid session ID provided");
  it.each<[string, Answer, string]>([
    ["404", bare(404), "undone"],
    ["400", bare(400), "undone"],
    ["401", bare(401), "undone"],
    ["404 with an error", seen => json(seen, 404, errorText(null, -32001, "Session not found")), "undone"],
    ["400 with an error", seen => json(seen, 400, errorText(seen.id, -32000, "Sitzung unbekannt")), "undone"],
    ["400 with an error of another id", seen => json(seen, 400, errorText(999_999, -32600)), "undone"],
    ["200 with an error without id", seen => json(seen, 200, errorText(null, -32000)), "undone"],
    ["500", bare(500), "unknown"],
  ])("may be lost when the upstream says %s", async (_, answer, doubt) => {
    const { channel } = await setup(withSession(answer));
    await requestOn(channel, initialize());
    expect(await requestOn(channel, outbound())).toMatchObject({ doubt });
  });

  it.each<[string, Answer]>([
    ["200 with an error", seen => json(seen, 200, errorText(seen.id, -32000, "Session not found"))],
    ["429", bare(429)],
    ["502", bare(502)],
    ["503", bare(503)],
    [
      "a notification and an error without id",
      seen => {
        seen.response.writeHead(200, { "content-type": "text/event-stream" });
        seen.response.end(`data: ${noticeText("notifications/progress")}\n\ndata: ${errorText(null, -32000)}\n\n`);
      },
    ],
  ])("is not in doubt when the upstream says %s", async (_, answer) => {
    const { channel } = await setup(withSession(answer));
    await requestOn(channel, initialize());
    expect(await requestOn(channel, outbound())).not.toHaveProperty("doubt");
  });

  it("is in doubt, and no more, over an unknown method", async () => {
    const { channel } = await setup(withSession(seen => json(seen, 404, errorText(seen.id, -32601))));
    await requestOn(channel, initialize());
    expect(await requestOn(channel, outbound())).toMatchObject({ kind: "error", status: 404 });
  });

  it("is replaced by a second initialize, which does not send the old one", async () => {
    let turn = 0;
    const { peer, channel } = await setup(seen => withSession(() => {}, `s-${++turn}`)(seen));
    await requestOn(channel, initialize());
    await requestOn(channel, initialize());
    expect(peer.seen[1]!.headers["mcp-session-id"]).toBeUndefined();
    expect(channel.sessionId).toBe("s-2");
  });

  it("does not hold up closing when the upstream never answers DELETE", async () => {
    const { peer, channel, clock } = await setup(seen => seen.method === "DELETE" || withSession(() => {})(seen));
    await requestOn(channel, initialize());
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
    await requestOn(channel, outbound({ headers: { "mcp-method": "tools/call" } }));
    expect(Object.keys(peer.seen[0]!.headers).sort()).toEqual([
      ...[
        "accept",
        "accept-encoding",
        "connection",
        "content-length",
        "content-type",
        "host",
        "mcp-method",
        "user-agent",
        "x-api-key",
      ],
    ]);
    expect(peer.seen[0]!.headers.host).toBe(new URL(peer.url).host);
  });

  it("that the agent gives up closes the connection and says nothing more", async () => {
    const { peer, channel, clock } = await setup(seen => void events(seen, ": open\n\n"));
    const controller = new Aborter();
    const request = outbound({ signal: controller.signal });
    const reply = requestOn(channel, request);
    const { closed } = await peer.request(0);
    controller.abort();
    expect(await reply).toMatchObject({ fault: "cancelled", delivery: "sent_unknown" });
    await closed;
    // The channel's own timer looks once more, and finds nothing.
    clock.advance(request.maxTimeoutMs);
    expect(clock.pending).toBe(0);
    expect(await requestOn(channel, request)).toMatchObject({ fault: "cancelled", delivery: "not_sent" });
  });

  it("times out, later when there was progress, but never beyond the maximum", async () => {
    const { peer, channel, clock } = await setup(seen => void events(seen));
    let told = (): void => {};
    const onMessage = (): void => told();
    const request = requestOn(channel, outbound({ timeoutMs: 1_000, maxTimeoutMs: 2_500, onMessage }));
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
    const reply = requestOn(channel, outbound());
    await peer.request(0);
    await channel.close();
    expect(await reply).toMatchObject({ fault: "connection_lost", delivery: "sent_unknown" });
    expect(await requestOn(channel, outbound())).toMatchObject({ fault: "connection_lost", delivery: "not_sent" });
    expect(peer.seen).toHaveLength(1);
  });
});

it("delivers a notification without waiting for its body and never rejects", async () => {
  const { peer, channel } = await setup(seen => void seen.response.writeHead(202).flushHeaders());
  await channel.notify(notificationText("notifications/cancelled", Payload.of({ requestId: 1 })), LEGACY);
  expect(peer.seen[0]!.text).toContain("cancelled");
  await peer.close();
  await channel.notify(notificationText("x"), {});
});
