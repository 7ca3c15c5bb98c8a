import { expect, test } from "vitest";
import { configSchema } from "../config/schema.ts";
import { answer } from "./answer.ts";
import { FLAVOURS } from "./flavours.ts";
import { startDemoFleet } from "./fleet.ts";

const notes = () => ({ name: "notes", flavour: FLAVOURS.notes() });
const ask = (method: string, params: object, server = notes()) =>
  answer(server, JSON.stringify({ jsonrpc: "2.0", id: 1, method, params })) as { status: number; body: Reply };
interface Reply {
  result?: Record<string, unknown>;
  error?: { code: number };
}

const _meta = {
  "io.modelcontextprotocol/protocolVersion": "2026-07-28",
  "io.modelcontextprotocol/clientCapabilities": {},
};

test.each(["2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"])("agrees to revision %s", protocolVersion => {
  const { body } = ask("initialize", { protocolVersion, capabilities: {}, clientInfo: { name: "t", version: "1" } });
  expect(body.result).toMatchObject({ protocolVersion, serverInfo: { name: "notes" } });
});

test("answers requests that carry their own revision", () => {
  expect(ask("server/discover", { _meta }).body.result).toMatchObject({ supportedVersions: ["2026-07-28"] });
  expect(ask("tools/list", { _meta }).body.result).toMatchObject({ resultType: "complete", ttlMs: 0 });
  expect(ask("no/such", { _meta })).toMatchObject({ status: 404, body: { error: { code: -32601 } } });
  expect(ask("server/discover", {})).toMatchObject({ status: 400, body: { error: { code: -32602 } } });
});

test("keeps notes while it runs, and reads them as a resource", () => {
  const server = notes();
  ask("tools/call", { name: "add_note", arguments: { title: "milk", note: "two litres" } }, server);
  const read = ask("resources/read", { uri: "notes://note/milk" }, server);
  expect(read.body.result).toMatchObject({ contents: [{ text: "two litres" }] });
  expect(ask("resources/read", { uri: "notes://note/none" }, server).body.error?.code).toBe(-32602);
});

test("a tool that fails says so in its result", () => {
  const server = { name: "weather-a", flavour: FLAVOURS.weather() };
  const { result } = ask("tools/call", { name: "time_in", arguments: { city: "Atlantis" } }, server).body;
  expect(result).toMatchObject({ isError: true });
});

test("two replicas and a child, configured as the file would have it, and gone after stop", async () => {
  const { config, stop } = await startDemoFleet();
  try {
    expect(configSchema.parse(config)).toEqual(config);
    expect(config.upstreams.map(({ name, group }) => [name, group])).toEqual([
      ["weather-a", "weather"],
      ["weather-b", "weather"],
      ["notes", undefined],
    ]);
    for (const upstream of config.upstreams) {
      if (upstream.transport !== "http") continue;
      const body = JSON.stringify({
        jsonrpc: "2.0",
        id: 1,
        method: "tools/call",
        params: { name: "forecast", arguments: { city: "Lima" } },
      });
      const response = await fetch(upstream.url, { method: "POST", body });
      expect(await response.text()).toContain(`answered by ${upstream.name}`);
    }
  } finally {
    await stop();
  }
  for (const upstream of config.upstreams) {
    if (upstream.transport === "http") await expect(fetch(upstream.url)).rejects.toThrow();
  }
});
