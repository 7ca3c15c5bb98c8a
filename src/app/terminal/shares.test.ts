import { expect, test } from "vitest";
import type { SharesStatus } from "../../core/status.ts";
import { shareLines } from "./shares.ts";

const calm: SharesStatus = {
  ...{ bytes: 1_024, maxBytes: 10 * 1_024, connections: 3 },
  most: [{ agent: "127.0.0.1 good", address: "loopback", bytes: 1_024, sessions: 1, streams: 2 }],
  shed: { events: 0, sessions: 0, streams: 0, connections: 0 },
  refused: { kept: 0, connections: 0 },
};

test("nothing is said while there is room and nobody had to give way, nor by a gateway that knows nothing of it", () => {
  expect(shareLines(calm)).toEqual([]);
  expect(shareLines(undefined)).toEqual([]);
});

test("who takes most is said where room is short, and what was closed and refused", () => {
  expect(shareLines({ ...calm, bytes: 8 * 1_024 })).toEqual([
    "agents make the gateway keep 8.0 KiB of 10.0 KiB",
    "127.0.0.1 good: 1.0 KiB, 1 session, 2 streams",
  ]);
  const shed = { events: 1, sessions: 2, streams: 0, connections: 1 };
  expect(shareLines({ ...calm, shed, refused: { kept: 5, connections: 0 } }).slice(2)).toEqual([
    "closed for others since the start: 2 unused sessions, 1 idle connection and 1 time the older half of what a session could read again",
    "refused for lack of room since the start: 5 requests",
  ]);
});
