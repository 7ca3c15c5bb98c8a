import { describe, expect, test } from "vitest";
import { flagsOf, runningFlags } from "./flags.ts";

const record = (pid: number, flags: unknown) => ({
  ...{ pid, startTime: "1", configPath: "/x", version: "1", startedAt: "", socket: "", address: null },
  flags: flags as string[],
});
const GONE = 2 ** 22 + 1;

describe("what a restart says again", () => {
  test("is what was said to the gateway", () => {
    const flags = flagsOf({ host: "10.0.0.1", port: 0, allowUnauthenticated: true });
    expect(runningFlags(record(GONE, flags))).toEqual(flags);
    expect(runningFlags(record(GONE, ["--host=::1", "-p", "3001"]))).toEqual(["--host", "::1", "--port", "3001"]);
  });

  test("is nothing else that stands in the run file", () => {
    expect(runningFlags(record(GONE, ["--config", "/evil.toml", "--demo", "--port", "x"]))).toEqual([]);
    expect(runningFlags(record(GONE, "--allow-unauthenticated"))).toEqual([]);
  });

  // This process was not started with any of them.
  test.runIf(process.platform === "linux")("lets others in only where the process itself was told so", () => {
    const flags = ["--host", "0.0.0.0", "--port", "3001", "--allow-unauthenticated"];
    expect(runningFlags(record(process.pid, flags))).toEqual(["--port", "3001"]);
  });
});
