import { expect, onTestFinished, test } from "vitest";
import { configSchema } from "../config/schema.ts";
import { createGateway } from "./assemble.ts";
import { KEEP_NOTHING } from "./gateway.ts";

test("a reload says which of the changes wait for a restart", async () => {
  const config = configSchema.parse({});
  const gateway = await createGateway({
    ...{ config, configPath: null, baseDir: "/", keep: KEEP_NOTHING, version: "1", warnings: [], tell: () => {} },
  });
  onTestFinished(async () => void (await gateway.stop({ graceMs: 0 })));
  await gateway.listen({ host: "127.0.0.1", port: 0 });
  expect(await gateway.reload({ ...config, load_balancing: "least_pending" })).toEqual([]);
  const changed = { ...config, port: 1, max_connections: 5, allowed_hosts: ["gateway.example"] };
  expect(await gateway.reload(changed)).toEqual(["at the next restart: port, max_connections, allowed_hosts"]);
  // Another reload does not make them true.
  expect(await gateway.reload(changed)).toHaveLength(1);
  expect(gateway.status().pending).toEqual([
    { key: "port", running: 3000, configured: 1 },
    { key: "max_connections", running: 10_000, configured: 5 },
    { key: "allowed_hosts", running: [], configured: ["gateway.example"] },
  ]);
  expect(await gateway.reload(config)).toEqual([]);
  expect(gateway.status().pending).toEqual([]);
});
