import { setImmediate } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, test } from "vitest";
import { Payload } from "../core/payload.ts";
import { agentName, anonymous } from "./agent-name.ts";

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

test("what an agent calls itself is cut to what is worth showing", () => {
  const long = Payload.of({ name: "n".repeat(1_000), version: "1" });
  expect([anonymous("::1", long), agentName(long)]).toEqual([`::1 ${"n".repeat(64)}`, "n".repeat(128)]);
  const short = Payload.of({ name: "cli", version: "1" });
  expect([anonymous("::1", short), agentName(short)]).toEqual(["::1 cli", "cli/1"]);
  expect([anonymous("::1", undefined), agentName(undefined)]).toEqual(["::1 ", "unknown"]);
});

test.each<[string, (client: Payload) => string]>([
  ["principal", client => anonymous("127.0.0.1", client)],
  ["name", agentName],
])("a %s that is remembered does not keep alive the name that it was cut from", async (_, make) => {
  await setImmediate();
  collectGarbage();
  const before = process.memoryUsage().heapUsed;
  const remembered = new Map<string, string>();
  for (let at = 0; at < 50; at++) {
    const key = make(Payload.of({ name: `${at}${"x".repeat(1_000_000)}` }));
    remembered.set(key, key);
  }
  collectGarbage();
  expect((process.memoryUsage().heapUsed - before) / 1e6).toBeLessThan(10);
  expect(remembered.size).toBe(50);
});
