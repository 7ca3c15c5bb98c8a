import { expect } from "vitest";
import type { Then } from "../fixtures/upstream/script.ts";
import { type FaultRow, proveRows } from "./fault-rows.ts";
import { failureOf, resultOf } from "./lab.ts";
import { type Kind, type Lab, type Pair, runsOf } from "./pair.ts";

const HTTP: readonly Kind[] = ["modern", "legacy"];
const JSON_ONLY = { upstream: { mode: "json" } } as const;
const SHORT = { config: { timeout: 3 } };
const UNKNOWN = { code: -31003, delivery: "unknown", retryable: false, reason: "outcome_unknown" } as const;
const GARBLED = { code: -31007, delivery: "unknown", retryable: false, reason: "upstream_protocol_error" } as const;
const LATE = { code: -31002, delivery: "unknown", retryable: false, reason: "upstream_timeout" } as const;

const byScript = (then: Then) => (pair: Pair) => pair.a.when({ method: "tools/call" }, then);
const status = (status: number, headers: Record<string, string> = {}, body = "") =>
  byScript({ do: "status", status, headers, body });

const ROWS: readonly FaultRow[] = [
  {
    id: "F-10",
    title: "an answer that is HTML labelled as JSON is a protocol error",
    kinds: HTTP,
    setup: JSON_ONLY,
    inject: byScript({ do: "garbage", text: "<html><body>Welcome</body></html>" }),
    unsafe: GARBLED,
  },
  {
    id: "F-10",
    title: "an answer that is half a JSON object is a protocol error",
    kinds: HTTP,
    setup: JSON_ONLY,
    inject: byScript({ do: "garbage", text: '{"jsonrpc":"2.0","id":1,"result":{' }),
    unsafe: GARBLED,
  },
  {
    id: "F-10",
    title: "an empty 200 is a protocol error",
    kinds: HTTP,
    setup: JSON_ONLY,
    inject: status(200, { "content-type": "application/json" }),
    unsafe: GARBLED,
  },
  {
    id: "F-10",
    title: "an answer of another content type is a protocol error",
    kinds: HTTP,
    setup: JSON_ONLY,
    inject: status(200, { "content-type": "text/html" }, "<html></html>"),
    unsafe: GARBLED,
  },
  {
    id: "F-11",
    title: "an answer with a wrong id ends the call at once",
    kinds: HTTP,
    setup: JSON_ONLY,
    inject: byScript({ do: "wrong_id" }),
    unsafe: GARBLED,
  },
  {
    id: "F-11",
    title: "an answer without an id ends the call at once",
    kinds: HTTP,
    setup: JSON_ONLY,
    inject: byScript({ do: "wrong_id", id: null }),
    unsafe: GARBLED,
  },
  {
    id: "F-11",
    title: "an answer with a wrong id reaches nobody, and the call goes on to its deadline",
    kinds: ["sse"],
    setup: SHORT,
    inject: byScript({ do: "wrong_id" }),
    unsafe: LATE,
  },
  {
    id: "F-15",
    title: "an answer with invalid UTF-8 is a protocol error",
    kinds: HTTP,
    setup: JSON_ONLY,
    inject: byScript({ do: "garbage", text: "7b226aff7d", encoding: "hex" }),
    unsafe: GARBLED,
  },
  ...[500, 502, 503, 504].map(
    (code): FaultRow => ({
      id: "F-16",
      title: `HTTP ${code} is an unknown outcome`,
      kinds: HTTP,
      setup: JSON_ONLY,
      inject: status(code, { "content-type": "text/plain" }, "upstream connect error"),
      unsafe: UNKNOWN,
    }),
  ),
  {
    id: "F-16",
    // Not -31001: the upstream was reached, and says that it has too much to do and for how long (RFC 9110, 15.6.4).
    title: "503 with Retry-After is a refusal: another one is asked, or the agent hears of the overload and the wait",
    kinds: HTTP,
    setup: JSON_ONLY,
    inject: status(503, { "retry-after": "7" }),
    unsafe: { code: -31005, delivery: "refused", retryable: true, reason: "overloaded", retryAfterMs: 7_000 },
  },
  {
    id: "F-17",
    title: "429 is a refusal, and the wait reaches the agent",
    kinds: HTTP,
    setup: JSON_ONLY,
    inject: status(429, { "retry-after": "2" }),
    unsafe: { code: -31004, delivery: "refused", retryable: true, retryAfterMs: 2_000 },
    after: comesLastAndIsNotEjected,
  },
  {
    id: "F-17",
    title: "429 for a day is cut to five minutes",
    kinds: ["modern"],
    setup: JSON_ONLY,
    inject: status(429, { "retry-after": "86400" }),
    unsafe: { code: -31004, delivery: "refused", retryable: true, retryAfterMs: 300_000 },
  },
  {
    id: "F-18",
    title: "401 without credentials to renew says that the gateway lacks them",
    kinds: HTTP,
    setup: JSON_ONLY,
    inject: status(401, { "www-authenticate": "Bearer" }),
    unsafe: { code: -31009, delivery: "refused", retryable: false, reason: "upstream_auth_required" },
  },
  {
    id: "F-19",
    title: "403 for want of a scope says that the gateway lacks credentials",
    kinds: HTTP,
    setup: JSON_ONLY,
    inject: status(403, { "www-authenticate": 'Bearer error="insufficient_scope", scope="files:write"' }),
    unsafe: { code: -31009, delivery: "refused", retryable: false, reason: "upstream_auth_required" },
    after: async (pair, { lab }) => expect(await lastErrorOf(lab, pair)).toContain("files:write"),
  },
  {
    id: "F-22",
    title: "a redirect that may say that it was done, and where to look, is an unknown outcome",
    kinds: HTTP,
    setup: JSON_ONLY,
    inject: status(303, { location: "http://127.0.0.1:9/elsewhere?token=canary-in-location" }),
    unsafe: GARBLED,
  },
  {
    id: "F-22",
    title: "a redirect is never followed",
    kinds: HTTP,
    setup: JSON_ONLY,
    inject: status(307, { location: "http://127.0.0.1:9/elsewhere?token=canary-in-location" }),
    unsafe: { code: -31007, delivery: "refused", retryable: false },
    async after(pair, { lab }) {
      expect(await lastErrorOf(lab, pair)).toContain("127.0.0.1:9");
      expect(lab.gateway.output() + JSON.stringify(lab.gateway.logLines())).not.toContain("canary-in-location");
    },
  },
];

/** More calls are refused than faults in a row would eject for; they go to the other one, and nobody is blamed. */
async function comesLastAndIsNotEjected(pair: Pair, { lab }: { readonly lab: Lab }): Promise<void> {
  for (let call = 0; call < 8; call++) failureOf(await lab.callFirst(pair, pair.unsafe, { nonce: `limited-${call}` }));
  const { upstreams } = await lab.gateway.until(({ upstreams }) =>
    upstreams.some(({ name, state }) => name === `${pair.name}-a` && state === "rate_limited"),
  );
  expect(upstreams.find(({ name }) => name === `${pair.name}-b`)?.state).toBe("ready");
  const before = pair.a.journal.sent("tools/call").length;
  resultOf(await lab.call(pair.unsafe, { nonce: "elsewhere" }));
  expect([pair.a.journal.sent("tools/call").length, runsOf("elsewhere", pair.b)[0]]).toEqual([before, 1]);
}

async function lastErrorOf({ gateway }: Lab, { name }: Pair): Promise<string | null | undefined> {
  const { upstreams } = await gateway.status();
  return upstreams.find(upstream => upstream.name === `${name}-a`)?.lastError;
}

proveRows(ROWS);
