import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect } from "vitest";
import { modernAgent } from "../fixtures/agents/http.ts";
import { useCleanup } from "../fixtures/leaks.ts";
import { poll } from "../fixtures/poll.ts";
import { behind } from "./behind.ts";
import { resultOf, row } from "./lab.ts";

const keep = useCleanup();

const filesOf = (pid: number): number => Number(execFileSync("sh", ["-c", `ls /proc/${pid}/fd | wc -l`]));
/** CPU time in ms; the kernel counts in hundredths of a second. */
const cpuOf = (pid: number): number => {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) * 10;
};

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
