import { once } from "node:events";
import type { ServerResponse } from "node:http";
import { expect, onTestFinished, test } from "vitest";
import { events, eventText, startPeer } from "../../test/fixtures/http-peer.ts";
import { UPSTREAM_SCHEMAS } from "../config/schema.ts";
import { systemClock } from "../lib/clock.ts";
import { NO_CAPABILITIES } from "../wire/capabilities.ts";
import { createProcessRegistry } from "./child/process-registry.ts";
import { createDialer } from "./dial.ts";
import { createParking } from "./parking.ts";
import { createReplyRooms } from "./reply-room.ts";
import { transportOf } from "./transports.ts";

const INTRODUCTION = { protocolVersion: "2024-11-05", capabilities: {}, serverInfo: { name: "short", version: "1" } };

test("a conversation that ends during its own handshake was never open", async () => {
  let stream: ServerResponse | undefined;
  const peer = await startPeer(seen => {
    if (seen.method === "GET") stream = events(seen, eventText("/messages", "event: endpoint\n"));
    else if (seen.text.includes('"initialize"')) {
      seen.response.writeHead(202).end();
      const result = JSON.stringify({ jsonrpc: "2.0", id: seen.id, result: INTRODUCTION });
      stream?.write(eventText(result));
    } else {
      // The handshake's last word is taken only when the stream is gone on both sides.
      stream?.end();
      void once(stream!, "close").then(() => seen.response.writeHead(202).end());
    }
  });
  const clock = systemClock;
  const dialer = createDialer(
    transportOf(UPSTREAM_SCHEMAS.sse.parse({ name: "short", transport: "sse", url: peer.url })),
    {
      ...{ clock, random: Math.random, identity: { name: "gateway", version: "0.0.0" }, environment: {} },
      ...{
        baseDir: ".",
        registry: createProcessRegistry(),
        parking: createParking(clock),
        replies: createReplyRooms({ clock }),
      },
    },
  );
  onTestFinished(async () => {
    await Promise.all([dialer.close(), peer.close()]);
  });
  const lost: string[] = [];
  const opened = await dialer.open({
    ...{ message: () => {}, asked: () => {}, declared: NO_CAPABILITIES, signal: new AbortController().signal },
    lost: detail => lost.push(detail),
  });
  expect(opened).toMatchObject({ kind: "failed", fault: "unreachable", delivery: "not_sent" });
  expect(lost).toEqual([]);
});
