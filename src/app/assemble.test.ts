import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
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
  const late = (key: string, running: unknown, configured: unknown) => ({
    ...{ key, running, configured, until: "restart" },
    ...{ change: `${key} changed`, reason: "an open port cannot change it" },
  });
  expect(gateway.status().pending).toEqual([
    late("port", 3000, 1),
    late("max_connections", 10_000, 5),
    late("allowed_hosts", [], ["gateway.example"]),
  ]);
  expect(await gateway.reload(config)).toEqual([]);
  expect(gateway.status().pending).toEqual([]);
});

test("the port is open before the first child is started, and then only a few start at a time", async () => {
  const folder = mkdtempSync(join(tmpdir(), "radium-assemble-"));
  const children = join(folder, "children");
  const started = () =>
    existsSync(children)
      ? readdirSync(children)
          .filter(name => name.endsWith(".json"))
          .flatMap(name => JSON.parse(readFileSync(join(children, name), "utf8")).groups).length
      : 0;
  // It never answers, so nothing but time gives the next one its turn.
  const silent = { transport: "stdio", command: process.execPath, args: ["-e", "process.stdin.resume()"] };
  const upstreams = Array.from({ length: 20 }, (_, at) => ({ ...silent, name: `child-${at}` }));
  const gateway = await createGateway({
    ...{ config: configSchema.parse({ upstreams }), configPath: null, baseDir: "/", version: "1", warnings: [] },
    ...{ keep: { ...KEEP_NOTHING, children }, tell: () => {} },
  });
  onTestFinished(async () => {
    await gateway.stop({ graceMs: 0 });
    rmSync(folder, { recursive: true });
  });
  await gateway.listen({ host: "127.0.0.1", port: 0 });
  expect(existsSync(children)).toBe(false);
  await expect.poll(started).toBe(availableParallelism() + 2);
});
