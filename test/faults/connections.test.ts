import { expect } from "vitest";
import { poll } from "../fixtures/poll.ts";
import type { Then } from "../fixtures/upstream/script.ts";
import { type FaultRow, proveRows } from "./fault-rows.ts";
import type { Kind, Pair } from "./pair.ts";
import type { Toxic } from "./toxic-proxy.ts";

const ALL: readonly Kind[] = ["modern", "legacy", "sse"];
/** Of which half is left for the other replica, also on a busy machine. */
const SHORT = { config: { timeout: 3 } };
const UNKNOWN = { code: -31003, delivery: "unknown", retryable: false, reason: "outcome_unknown" } as const;
const LATE = { code: -31002, delivery: "unknown", retryable: false, reason: "upstream_timeout" } as const;

const onTheWay = (toxic: Toxic) => (pair: Pair) => pair.proxy.add("down", toxic);
const byScript = (then: Then) => (pair: Pair) => pair.a.when({ method: "tools/call" }, then);
const isCancelled = ({ a }: Pair, { nonce }: { readonly nonce: string }): Promise<void> =>
  a.journal.until(({ cancelled }) => cancelled.some(one => one.nonce === nonce));

const ROWS: readonly FaultRow[] = [
  {
    id: "F-02",
    title: "an upstream that is not running is passed over, and taken back when it is",
    kinds: ALL,
    async inject({ proxy }) {
      await proxy.down();
      return () => proxy.up();
    },
    unsafe: { code: -31001, delivery: "not_sent", retryable: true, reason: "upstream_unavailable" },
    // Changes of state are lines of their own.
    async after({ name }, { lab }) {
      const isDown = new RegExp(`^\\d\\d:\\d\\d:\\d\\d Failed to connect to upstream "${name}-a": `, "m");
      expect(await poll(() => isDown.test(lab.gateway.output()))).toBe(true);
    },
  },
  {
    id: "F-03",
    title: "an upstream that hangs before its answer is given up at the deadline, and told so",
    kinds: ALL,
    setup: SHORT,
    inject: byScript({ do: "hang" }),
    unsafe: LATE,
    after: isCancelled,
  },
  {
    id: "F-03",
    title: "an upstream that hangs after the head of its answer is given up at the deadline, and told so",
    kinds: ["modern", "legacy"],
    setup: SHORT,
    inject: byScript({ do: "hang", head: true }),
    unsafe: LATE,
    after: isCancelled,
  },
  {
    id: "F-05",
    title: "an answer in drips is given up at the deadline, however many bytes came",
    kinds: ["modern", "legacy"],
    setup: SHORT,
    inject: byScript({ do: "drip", everyMs: 50 }),
    unsafe: LATE,
  },
  {
    id: "F-06",
    title: "a connection that swallows what the upstream says ends at the deadline",
    kinds: ALL,
    setup: SHORT,
    inject: onTheWay({ kind: "blackhole" }),
    unsafe: LATE,
  },
  {
    id: "F-07",
    title: "a reset after the request was sent is an unknown outcome",
    kinds: ALL,
    inject: onTheWay({ kind: "reset" }),
    unsafe: UNKNOWN,
  },
  {
    id: "F-07",
    title: "a reset in the middle of the answer's head is an unknown outcome",
    kinds: ["modern", "legacy"],
    inject: onTheWay({ kind: "reset", afterBytes: 30 }),
    unsafe: UNKNOWN,
  },
  {
    id: "F-08",
    title: "a connection closed without an answer is an unknown outcome",
    kinds: ALL,
    inject: onTheWay({ kind: "limit_data", bytes: 0 }),
    unsafe: UNKNOWN,
  },
  {
    id: "F-08",
    title: "an answer cut short is an unknown outcome",
    kinds: ["modern", "legacy"],
    setup: { upstream: { mode: "json" } },
    inject: byScript({ do: "truncated" }),
    unsafe: UNKNOWN,
  },
  {
    id: "F-08",
    title: "a direction that ends while the other stays open is an unknown outcome",
    kinds: ["modern", "legacy"],
    inject: onTheWay({ kind: "half_close", afterBytes: 20 }),
    unsafe: UNKNOWN,
  },
  {
    id: "F-09",
    title: "an event stream that ends in good order without the answer is an unknown outcome",
    kinds: ["modern", "legacy"],
    setup: { upstream: { mode: "sse", versions: ["2025-06-18"] } },
    inject: byScript({ do: "close", head: true }),
    unsafe: UNKNOWN,
  },
];

proveRows(ROWS);
