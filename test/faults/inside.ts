import { expect } from "vitest";
import { createGateway } from "../../src/app/assemble.ts";
import { type Gateway, KEEP_NOTHING } from "../../src/app/gateway.ts";
import { configSchema } from "../../src/config/schema.ts";
import type { useCleanup } from "../fixtures/leaks.ts";
import { type ManualClock, manualClock } from "../fixtures/manual-clock.ts";
import { poll } from "../fixtures/poll.ts";
import type { Json } from "../fixtures/upstream/contract.ts";

export interface Inside {
  readonly url: string;
  readonly clock: ManualClock;
  readonly gateway: Gateway;
}
type Keep = ReturnType<typeof useCleanup>;

/** The whole gateway with one upstream, in this process and on a clock that only moves when a test moves it. */
export async function startInside(keep: Keep, table: Json): Promise<Inside> {
  const clock = manualClock();
  // Checks would be late whenever the clock jumps.
  const upstream = { name: "fixture", health_check_interval: 86_400, safe_to_retry: ["add"], ...table };
  const gateway = await createGateway({
    config: configSchema.parse({ upstreams: [upstream], security: { rate_limit_per_minute: 0 } }),
    ...{ configPath: null, baseDir: process.cwd(), keep: KEEP_NOTHING, version: "1", warnings: [], tell() {}, clock },
  });
  keep({ close: async () => void (await gateway.stop({ graceMs: 0 })) });
  const { url } = await gateway.listen({ host: "127.0.0.1", port: 0 });
  expect(await poll(() => gateway.status().upstreams[0]?.state === "ready")).toBe(true);
  return { url, clock, gateway };
}
