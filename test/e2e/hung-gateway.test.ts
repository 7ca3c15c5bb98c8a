import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { configToml, startGateway } from "../fixtures/gateway.ts";
import { useCleanup } from "../fixtures/leaks.ts";

const keep = useCleanup();
const onLinux = process.platform === "linux";
if (!onLinux) console.log("whether a gateway that hangs is known as one is not looked at: this needs Linux");

test.runIf(onLinux)(
  "a gateway that hangs is known by what it listens on, and stopped, also when its socket's file is gone",
  async () => {
    const gateway = keep(await startGateway({ toml: configToml([]) }));
    process.kill(gateway.pid, "SIGSTOP");
    rmSync(gateway.socket);
    const { code, stdout } = await gateway.rad("mcp", "proxy", "stop", "--timeout", "0.1");
    expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringContaining(`Ended the process ${gateway.pid}`) });
    expect(await gateway.ended).toBeNull();
    expect(existsSync(join(gateway.dir, ".radium/run/instance.json"))).toBe(false);
  },
);
