import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect } from "vitest";
import { legacyAgent, modernAgent } from "../fixtures/agents/http.ts";
import { useCleanup } from "../fixtures/leaks.ts";
import { poll } from "../fixtures/poll.ts";
import { behind } from "./behind.ts";
import { failureOf, resultOf, row } from "./lab.ts";

const keep = useCleanup();

const filesOf = (pid: number): number => Number(execFileSync("sh", ["-c", `ls /proc/${pid}/fd | wc -l`]));
/** CPU time in ms; the kernel counts in hundredths of a second. */
const cpuOf = (pid: number): number => {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) * 10;
};

/** On SIGUSR2 the process fills its heap, or gives back what it filled it with; it does nothing else with it. */
const BALLAST = `
  import { getHeapStatistics, setFlagsFromString } from "node:v8";
  import { runInNewContext } from "node:vm";
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc");
  const used = () => { const { used_heap_size, heap_size_limit } = getHeapStatistics(); return used_heap_size / (heap_size_limit - 48 * 1024 * 1024); };
  let ballast = [];
  process.on("SIGUSR2", () => {
    if (ballast.length > 0) { ballast = []; collect(); return; }
    collect();
    while (used() < 0.96) ballast.push(new Array(100_000).fill(1));
  });
`;

describe("a gateway whose heap is nearly full", () => {
  row("F-49", "refuses what is new, says so in its status, and serves again when there is room", async () => {
    const NODE_OPTIONS = `--max-old-space-size=384 --import=data:text/javascript,${encodeURIComponent(BALLAST)}`;
    const { gateway } = await behind(keep, {}, { env: { NODE_OPTIONS } });
    const agent = modernAgent(gateway.url);
    const add = () => agent.request("tools/call", { name: "add", arguments: { a: 1, b: 2 } });
    const session = keep(await legacyAgent(gateway.url));
    resultOf(await add());

    process.kill(gateway.pid, "SIGUSR2");
    expect(await poll(async () => (await add()).message?.error?.code === -31005)).toBe(true);
    const refused = await add();
    expect(failureOf(refused)).toMatchObject({ code: -31005, retryable: true, retryAfterMs: 1_000 });
    expect(refused.headers.connection).toBe("close");
    expect(failureOf(await session.request("tools/list")).code).toBe(-31005);
    expect((await legacyAgent(gateway.url)).opening.message?.error?.code).toBe(-31005);
    expect((await fetch(`${gateway.base}/healthz`)).status).toBe(200);
    const { overloaded, health, warnings } = await gateway.status();
    expect({ overloaded, health }).toEqual({ overloaded: true, health: "degraded" });
    expect(warnings[0]).toMatch(/^The gateway is overloaded: it refuses new sessions, lists, reads, new calls/);

    process.kill(gateway.pid, "SIGUSR2");
    expect(await poll(async () => (await add()).message?.result !== undefined)).toBe(true);
    expect((await gateway.status()).overloaded).toBe(false);
  });
});

describe("a gateway without a file descriptor to spare", () => {
  row(
    "F-48",
    "goes on with what is open, rests, and takes connections again when there are some",
    async () => {
      const { gateway, upstream } = await behind(keep);
      const agent = modernAgent(gateway.url);
      resultOf(await agent.request("tools/call", { name: "add", arguments: { a: 1, b: 2 } }));
      // A call that is under way when the descriptors run out.
      const going = agent.request("tools/call", { name: "slow", arguments: { ms: 3_000 } });
      expect(await poll(() => upstream.journal.executions.some(({ name }) => name === "slow"))).toBe(true);
      const spare = filesOf(gateway.pid) + 2;
      execFileSync("prlimit", ["--pid", String(gateway.pid), `--nofile=${spare}:${spare}`]);
      const sockets: Socket[] = [];
      for (let at = 0; at < 50; at++)
        sockets.push(
          connect(gateway.port, "127.0.0.1")
            .on("error", () => {})
            .resume(),
        );
      try {
        const before = cpuOf(gateway.pid);
        await sleep(1_000);
        expect(cpuOf(gateway.pid) - before).toBeLessThan(500);
        expect(sockets.filter(({ closed }) => closed).length).toBeGreaterThan(30);
        expect(resultOf(await going).content).toEqual([{ type: "text", text: "waited 3000 ms" }]);
      } finally {
        for (const socket of sockets) socket.destroy();
      }
      const served = await poll(async () => {
        const answered = await agent
          .request("tools/call", { name: "add", arguments: { a: 1, b: 2 } })
          .catch(() => undefined);
        return answered?.message?.result !== undefined;
      });
      expect(served).toBe(true);
    },
    ["linux", "prlimit"],
  );
});
