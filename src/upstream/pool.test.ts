import { expect, onTestFinished, test } from "vitest";
import { manualClock } from "../../test/fixtures/manual-clock.ts";
import type { Json } from "../../test/fixtures/upstream/contract.ts";
import { UPSTREAM_SCHEMAS } from "../config/schema.ts";
import type { Call } from "../core/call.ts";
import type { Holder } from "../core/catalog.ts";
import { upstreamName } from "../core/names.ts";
import { NO_PRESSURE } from "../core/pressure.ts";
import { createKnownSecrets } from "../core/secrets/known-secrets.ts";
import { createProcessRegistry } from "./channel/process-registry.ts";
import { createPool } from "./pool.ts";

/** Upstreams that nobody listens for. */
const table = (name: string, more: Json = {}) =>
  UPSTREAM_SCHEMAS.http.parse({ name, transport: "http", url: "http://127.0.0.1:9/mcp", ...more });

function startPool() {
  const pool = createPool({
    ...{ clock: manualClock(), random: () => 0.5, identity: { name: "gateway", version: "0.0.0" }, environment: {} },
    ...{
      baseDir: ".",
      registry: createProcessRegistry(),
      pressure: NO_PRESSURE,
      secrets: createKnownSecrets(),
      inspect: async () => false,
      known: () => undefined,
    },
    ...{ changed() {}, offered() {}, stale() {}, noticed() {}, varied() {}, contact: () => undefined },
  });
  onTestFinished(() => pool.stop(0));
  return { pool, budgetOf: (name: string) => pool.get(upstreamName(name))!.budget };
}

test("upstreams of one group share one retry budget, also across reloads, and others have their own", () => {
  const { pool, budgetOf } = startPool();
  pool.apply([
    table("a", { group: "g" }),
    table("b", { group: "g" }),
    table("c", { group: "h" }),
    table("d"),
    table("e"),
  ]);
  expect(budgetOf("a")).toBe(budgetOf("b"));
  expect(new Set(["a", "c", "d", "e"].map(budgetOf)).size).toBe(4);
  const before = budgetOf("a");
  pool.apply([table("a", { group: "g", timeout: 5 }), table("b", { group: "g" }), table("f", { group: "g" })]);
  expect(["a", "b", "f"].map(name => budgetOf(name) === before)).toEqual([true, true, true]);
});

test("a new configuration keeps every upstream that did not change, and says what changed", () => {
  const { pool } = startPool();
  expect(pool.apply([table("a"), table("b"), table("c")])).toHaveLength(3);
  const [a, b] = pool.upstreams;
  const changes = pool.apply([table("b"), table("a"), table("c", { timeout: 5 }), table("d")]);
  expect(changes).toEqual(['changed upstream "c"', 'added upstream "d"']);
  expect([pool.upstreams[0] === b, pool.upstreams[1] === a]).toEqual([true, true]);
  expect(pool.apply([table("b")])).toEqual(['removed upstream "a"', 'removed upstream "c"', 'removed upstream "d"']);
});

test("settings that need no new conversation are taken by the upstream that there is", () => {
  const { pool } = startPool();
  pool.apply([table("a", { safe_to_retry: ["x"] })]);
  const [a] = pool.upstreams;
  const next = table("a", { tools: ["x"], trust_annotations: true, timeout: 5 });
  expect(pool.apply([next])).toEqual(['changed upstream "a"']);
  expect(pool.upstreams[0]).toBe(a);
  expect(a).toMatchObject({ config: next, trust: { annotations: true, safeToRetry: new Set() } });
  const call = { method: "tools/call" } as Call;
  expect(a?.limits(call, { native: "x" } as Holder).timeoutMs).toBe(5_000);
  pool.apply([table("a", { priority: 2 })]);
  expect(pool.upstreams[0]).not.toBe(a);
});
