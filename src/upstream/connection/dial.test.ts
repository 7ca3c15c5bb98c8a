import { once } from "node:events";
import type { ServerResponse } from "node:http";
import { describe, expect, onTestFinished, test } from "vitest";
import { events, eventText, type Peer, startPeer } from "../../../test/fixtures/http-peer.ts";
import { manualClock } from "../../../test/fixtures/manual-clock.ts";
import { UPSTREAM_SCHEMAS, type UpstreamConfig } from "../../config/schema.ts";
import type { Clock } from "../../core/ports.ts";
import { createKnownSecrets } from "../../core/secrets/known-secrets.ts";
import { Aborter } from "../../core/signal.ts";
import { systemClock } from "../../lib/clock.ts";
import { NO_CAPABILITIES } from "../../wire/capabilities.ts";
import { createFloodGates } from "../channel/flood-gate.ts";
import { createReplyRooms } from "../channel/inbound-memory.ts";
import { createOfferRoom } from "../channel/offer-room.ts";
import { createProcessRegistry } from "../channel/process-registry.ts";
import { createParking } from "../conversation/suspended-calls.ts";
import { createDialer } from "./dial.ts";
import { QUIET } from "./quiet.ts";
import { createStartSlots } from "./start-slots.ts";
import { transportOf } from "./transports.ts";

const INTRODUCTION = { protocolVersion: "2024-11-05", capabilities: {}, serverInfo: { name: "short", version: "1" } };

function dialerFor(config: UpstreamConfig, peer: Peer, clock: Clock = systemClock) {
  const dialer = createDialer(transportOf(config), {
    ...{ clock, random: Math.random, identity: { name: "gateway", version: "0.0.0" }, environment: {}, baseDir: "." },
    secrets: createKnownSecrets(),
    ...{ registry: createProcessRegistry(), parking: createParking(clock), replies: createReplyRooms({ clock }) },
    floods: createFloodGates(clock),
    offerRoom: createOfferRoom(),
    slots: createStartSlots({ clock, max: 1 }),
  });
  onTestFinished(async () => {
    await Promise.all([dialer.close(), peer.close()]);
  });
  return dialer;
}

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
  const dialer = dialerFor(UPSTREAM_SCHEMAS.sse.parse({ name: "short", transport: "sse", url: peer.url }), peer);
  const lost: string[] = [];
  const opened = await dialer.open({
    ...{ message: () => {}, asked: () => {}, declared: NO_CAPABILITIES, signal: new Aborter().signal },
    lost: detail => lost.push(detail),
  });
  expect(opened).toMatchObject({ kind: "failed", fault: "unreachable", delivery: "not_sent" });
  expect(lost).toEqual([]);
});

type Era = "legacy" | "modern";
const DISCOVERED = { resultType: "complete", capabilities: {}, ttlMs: 0, cacheScope: "private" };

/** A server over HTTP that speaks these eras, and refuses what belongs to others. */
async function startSpeaking(eras: readonly Era[], { names = eras }: { readonly names?: readonly Era[] } = {}) {
  const speaks = new Set(eras);
  const asked: string[] = [];
  const versions = names.map(era => ({ legacy: "2025-11-25", modern: "2026-07-28" })[era]);
  const answers: Readonly<Record<string, [Era, object]>> = {
    "server/discover": ["modern", { ...DISCOVERED, supportedVersions: versions }],
    initialize: ["legacy", INTRODUCTION],
  };
  const peer = await startPeer(({ method, text, id, response }) => {
    if (method !== "POST") return void response.writeHead(405).end();
    const name = (JSON.parse(text) as { method: string }).method;
    const [era, result] = answers[name] ?? [];
    if (era === undefined) return void response.writeHead(202).end();
    asked.push(name);
    const answer = speaks.has(era) ? { result } : { error: { code: -32601, message: "no" } };
    const head = { "content-type": "application/json" };
    response.writeHead(200, head).end(JSON.stringify({ jsonrpc: "2.0", id, ...answer }));
  });
  const config = (more: object = {}) =>
    UPSTREAM_SCHEMAS.http.parse({ name: "one", transport: "http", url: peer.url, ...more });
  return { peer, asked, speaks, config };
}

describe("an upstream of", () => {
  async function open(dialer: ReturnType<typeof dialerFor>, wanted?: Era): Promise<string> {
    const listener = { message: () => {}, asked: () => {}, lost: () => {}, declared: NO_CAPABILITIES };
    const opened = await dialer.open({ ...listener, signal: new Aborter().signal }, wanted);
    if (opened.kind === "failed") return opened.detail;
    await opened.link.close();
    return opened.link.era.name;
  }

  test("both eras is spoken to in the one that is wanted, and in the newest where none is", async () => {
    const { peer, asked, config } = await startSpeaking(["legacy", "modern"]);
    const dialer = dialerFor(config(), peer);
    expect(await open(dialer)).toBe("modern");
    expect(dialer.speaks).toEqual({ legacy: true, modern: true });
    expect([await open(dialer, "legacy"), await open(dialer, "modern"), await open(dialer)]).toEqual([
      ...["legacy", "modern", "modern"],
    ]);
    expect(asked).toEqual(["server/discover", "initialize", "server/discover", "server/discover"]);
  });

  test("both eras is spoken to in the wanted one at once", async () => {
    const { peer, asked, config } = await startSpeaking(["legacy", "modern"]);
    const dialer = dialerFor(config(), peer);
    expect([await open(dialer, "legacy"), dialer.speaks, asked]).toEqual([
      ...["legacy", { legacy: true, modern: undefined }, ["initialize"]],
    ]);
  });

  test.each([
    ["legacy", "modern", { legacy: true, modern: false }, ["server/discover", "initialize"]],
    ["modern", "legacy", { legacy: false, modern: true }, ["initialize", "server/discover"]],
  ] as const)(
    "the %s era alone is spoken to in it, and asked for the other once",
    async (era, wanted, speaks, words) => {
      const { peer, asked, config } = await startSpeaking([era]);
      const dialer = dialerFor(config(), peer);
      expect([await open(dialer, wanted), dialer.speaks, asked]).toEqual([era, speaks, words]);
      expect([await open(dialer, wanted), await open(dialer)]).toEqual([era, era]);
      expect(asked.slice(2)).toEqual([words[1], words[1]]);
    },
  );

  test.each(["legacy", "modern"] as const)(
    "another era than what was known is spoken to as it is: %s",
    async before => {
      const { peer, speaks, config } = await startSpeaking([before], { names: ["modern"] });
      const dialer = dialerFor(config(), peer);
      expect(await open(dialer)).toBe(before);
      const after = before === "legacy" ? "modern" : "legacy";
      speaks.clear();
      speaks.add(after);
      expect([await open(dialer), dialer.speaks[after]]).toEqual([after, true]);
    },
  );

  test.each(["legacy", "modern"] as const)(
    "both eras is spoken to in the one that the configuration names: %s",
    async era => {
      const { peer, asked, config } = await startSpeaking(["legacy", "modern"]);
      const dialer = dialerFor(config({ protocol: era }), peer);
      const other = era === "legacy" ? "modern" : "legacy";
      expect([await open(dialer), await open(dialer, other), new Set(asked).size]).toEqual([era, era, 1]);
    },
  );

  test.each([500, 501, 404, "hangs up"] as const)(
    "the modern era alone is spoken to in it if it meets a handshake with: %s",
    async how => {
      const peer = await startPeer(({ text, id, response }) => {
        if (!text.includes('"server/discover"')) {
          if (how === "hangs up") response.destroy();
          else response.writeHead(how, { "content-type": "text/html" }).end("<h1>no</h1>");
          return;
        }
        const result = { ...DISCOVERED, supportedVersions: ["2026-07-28"] };
        response.writeHead(200, { "content-type": "application/json" });
        response.end(JSON.stringify({ jsonrpc: "2.0", id, result }));
      });
      const dialer = dialerFor(UPSTREAM_SCHEMAS.http.parse({ name: "one", transport: "http", url: peer.url }), peer);
      expect([await open(dialer, "legacy"), dialer.speaks.modern]).toEqual(["modern", true]);
    },
  );

  test("another era than the one that the configuration names is not spoken to", async () => {
    const { peer, asked, config } = await startSpeaking(["modern"]);
    const dialer = dialerFor(config({ protocol: "legacy" }), peer);
    expect([await open(dialer), asked]).toEqual(["initialize was refused: no", ["initialize"]]);
  });

  test("the modern era that answers after another question was asked is spoken to in it", async () => {
    const clock = manualClock();
    const unanswered: (() => void)[] = [];
    const peer = await startPeer(({ text, id, response }) => {
      const { method } = JSON.parse(text) as { method: string };
      const say = (answer: object) => () => {
        response.writeHead(200, { "content-type": "application/json" });
        response.end(JSON.stringify({ jsonrpc: "2.0", id, ...answer }));
      };
      const discovered = say({ result: { ...DISCOVERED, supportedVersions: ["2026-07-28"] } });
      if (method === "server/discover") unanswered.push(discovered);
      else {
        say({ error: { code: -32600, message: "2026-07-28 only" } })();
        for (const answer of unanswered) answer();
      }
    });
    const config = UPSTREAM_SCHEMAS.http.parse({ name: "one", transport: "http", url: peer.url });
    const dialer = dialerFor(config, peer, clock);
    const opening = open(dialer);
    await peer.request(0);
    clock.advance(QUIET.withoutSignMs);
    expect(await opening).toBe("modern");
    expect(peer.seen).toHaveLength(2);
  });
});
