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
  events,
  eventText,
  noticeText,
  outbound,
  plain,
  resultText,
} from "../../../test/fixtures/http-peer.ts";
import { requestOn } from "../channel/channel.ts";

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

async function setup(answer: Answer): Promise<ChannelSetup> {
  const started = await startChannel(answer);
  cleanups.push(started.close);
  return started;
}

describe("a stream that breaks after an event id", () => {
  const priming = "id: e1\nretry: 700\ndata:\n\n";

  it("is taken up again where it was, after the time that the upstream asked for", async () => {
    const { peer, channel, clock } = await setup(
      withSession(seen => {
        if (seen.method === "POST") events(seen, priming).end();
        else events(seen, eventText(noticeText("notifications/message"), "id: e2\n"));
      }),
    );
    await requestOn(channel, initialize());
    const request = outbound({ headers: LEGACY });
    const waiting = clock.timer(700);
    const reply = requestOn(channel, request);
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

  it("is taken up as often as an upstream ends it that says when to come back", async () => {
    const ENDS = 6;
    const postponed: number[] = [];
    const { peer, channel, clock } = await setup(seen => {
      if (peer.seen.length <= ENDS) events(seen, seen.method === "POST" ? priming : ": not yet\n\n").end();
      else events(seen, eventText(resultText(request.id))).end();
    });
    const request = { ...outbound(), onPostponed: () => postponed.push(peer.seen.length) };
    const reply = requestOn(channel, request);
    for (let turn = 1; turn <= ENDS; turn++) {
      await clock.timer(700);
      clock.advance(700);
      await peer.request(turn);
    }
    expect(plain(await reply)).toEqual({ kind: "result", result: { ok: true } });
    expect(postponed).toEqual([1, 2, 3, 4, 5, 6]);
  });

  it("is lost after three tries, or at once when the upstream cannot resume", async () => {
    for (const [status, tries] of [
      [503, 3],
      [405, 1],
    ] as const) {
      const { peer, channel, clock } = await setup(seen =>
        seen.method === "POST" ? events(seen, priming).end() : seen.response.writeHead(status).end(),
      );
      const reply = requestOn(channel, outbound());
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

it("cuts off a stream that stays open after its answer", async () => {
  const { peer, channel, clock } = await setup(seen => void events(seen, eventText(resultText(seen.id))));
  expect(await requestOn(channel, outbound())).toMatchObject({ kind: "result" });
  expect(clock.pending).toBe(1);
  clock.advance(1_000);
  await peer.seen[0]!.closed;
});
