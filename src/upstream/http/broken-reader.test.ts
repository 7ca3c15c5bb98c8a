import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import {
  events,
  eventText,
  json,
  noticeText,
  outbound,
  plain,
  resultText,
  type Seen,
} from "../../../test/fixtures/http-peer.ts";
import { manualClock } from "../../../test/fixtures/manual-clock.ts";
import { TRANSPORTS, useTransports } from "../../../test/fixtures/transports.ts";
import { requestOn } from "../channel/channel.ts";
import { openDispatcher } from "./dispatcher.ts";
import { createHttpLink } from "./http-link.ts";
import { ListenedExchange } from "./listened-exchange.ts";

const over = useTransports();
const PARTS = ["head", "data", "end"] as const;
const BODY = '{"some":"text"}';
const packed = ({ response }: Seen): void =>
  void response.writeHead(200, { "content-encoding": "gzip" }).end(gzipSync(BODY));
const ANSWERS: [string, (seen: Seen) => void][] = [
  ["plain", seen => json(seen, 200, BODY)],
  ["compressed", packed],
];

/** Resolves with what becomes of an exchange whose reader runs into a bug where that part of the reply comes. */
async function brokenAt(part: (typeof PARTS)[number] | undefined, to: { url: string }): Promise<object> {
  const clock = manualClock();
  const dispatcher = over.keep(openDispatcher({ ...to, clock, openTransport: over.openTransport, connections: 1 }));
  const link = createHttpLink({ ...to, clock, dispatcher, headers: {} });
  const run = (broken: typeof part): Promise<object> =>
    new Promise(resolve => {
      const stumble = (here: typeof part) => (): void => {
        if (here === broken) throw new TypeError("a bug");
        if (here === "end") resolve({ kind: "done" });
      };
      const failed = (failure: object): void => resolve(failure);
      const [head, data, end] = PARTS.map(stumble) as [() => void, () => void, () => void];
      const exchange = new ListenedExchange(link, { head, data, end, failed });
      const asked = { lane: "call", method: "POST", path: "/mcp", headers: {}, ownHeaders: [], body: null } as const;
      exchange.start(asked);
    });
  const outcome = await run(part);
  // Its place is free again, and another connection works.
  expect(await run(undefined)).toEqual({ kind: "done" });
  expect(link.running.size).toBe(0);
  return outcome;
}

describe.each(TRANSPORTS)("over %s, a bug that is run into", (_, open) => {
  over.use(open);

  describe.each(ANSWERS)("in a %s reply", (_name, answer) => {
    it.each(PARTS)("at its %s costs that exchange and nothing else", async part => {
      const peer = await over.peerWith(answer);
      expect(await brokenAt(part, peer)).toMatchObject({ delivery: "sent_unknown", fault: "protocol_error" });
    });
  });

  it("by what is told before an answer ends the call, once", async () => {
    const peer = await over.peerWith(seen =>
      events(seen, eventText(noticeText("notifications/message")), eventText(resultText(seen.id))),
    );
    const channel = over.channelTo(peer.url);
    const onMessage = (): void => {
      throw new TypeError("a bug");
    };
    expect(plain(await requestOn(channel, { ...outbound(), onMessage }))).toMatchObject({ fault: "protocol_error" });
    expect(plain(await requestOn(channel, outbound()))).toMatchObject({ kind: "result" });
  });
});
