import { execFileSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  statfsSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { systemClock } from "../../src/lib/clock.ts";
import { openLog } from "../../src/lib/log-file.ts";
import { type ModernAgent, modernAgent } from "../fixtures/agents/http.ts";
import { configToml, type GatewayRun, rad, startGateway, writeConfig } from "../fixtures/gateway.ts";
import { useCleanup } from "../fixtures/leaks.ts";
import { poll } from "../fixtures/poll.ts";
import type { Json } from "../fixtures/upstream/contract.ts";
import { startUpstream } from "../fixtures/upstream/upstream.ts";
import { tableOf } from "./behind.ts";
import { failureOf, type Need, row } from "./lab.ts";

const keep = useCleanup();
const runDirOf = ({ dir }: { dir: string }) => join(dir, ".radium", "run");
const logOf = (gateway: { dir: string }) => join(runDirOf(gateway), "calls.log");
const REFUSED = { code: -31005, reason: "log_unavailable", retryable: true, retryAfterMs: 5000 };

async function logging(security: Json, prepare?: (dir: string) => void) {
  const upstream = keep(await startUpstream());
  const proxy = { security: { rate_limit_per_minute: 0, ...security } };
  const toml = configToml([tableOf(upstream)], proxy);
  const gateway = keep(await startGateway({ toml, ...(prepare && { prepare }) }));
  await gateway.until();
  return { gateway, upstream, agent: modernAgent(gateway.url) };
}

const echo = (agent: ModernAgent, said: string) => agent.request("tools/call", { name: "echo", arguments: { said } });

/** What is in the log and its older parts, of calls that carry such a text. */
const logged = (gateway: GatewayRun, said: RegExp): number =>
  readdirSync(runDirOf(gateway))
    .filter(name => name.startsWith("calls.log") || name.startsWith("moved"))
    .flatMap(name =>
      readFileSync(join(runDirOf(gateway), name), "utf8")
        .split("\n")
        .slice(0, -1),
    )
    .filter(line => line.startsWith("{") && said.test(JSON.stringify((JSON.parse(line) as Json).request ?? ""))).length;

/** A way in which a log cannot be written, and how that ends. */
interface Broken {
  readonly what: string;
  readonly needs: readonly Need[];
  readonly disk: boolean;
  begin(gateway: GatewayRun): void;
  end(gateway: GatewayRun): void;
}

const aside = (gateway: GatewayRun) => renameSync(logOf(gateway), join(runDirOf(gateway), "moved"));
const BROKEN: readonly (Broken & { id: "F-44" | "F-45" })[] = [
  {
    id: "F-45",
    ...{ what: "something else lies in its place", needs: [], disk: false },
    begin(gateway) {
      aside(gateway);
      mkdirSync(logOf(gateway));
    },
    end: gateway => rmdirSync(logOf(gateway)),
  },
  {
    id: "F-44",
    ...{ what: "the disk is full", needs: ["linux", "root", "tmpfs"], disk: true },
    begin(gateway) {
      const { bavail, bsize } = statfsSync(runDirOf(gateway));
      // All of it, and whatever room is left in the log's own last block.
      writeFileSync(join(runDirOf(gateway), "ballast"), Buffer.alloc(bavail * bsize));
      const size = readFileSync(logOf(gateway)).length;
      if (size % bsize > 0) writeFileSync(logOf(gateway), `${" ".repeat(bsize - (size % bsize) - 1)}\n`, { flag: "a" });
    },
    end: gateway => rmSync(join(runDirOf(gateway), "ballast")),
  },
  {
    id: "F-45",
    ...{ what: "its file cannot be written", needs: ["linux", "root", "tmpfs"], disk: false },
    begin(gateway) {
      aside(gateway);
      writeFileSync(logOf(gateway), "");
      execFileSync("mount", ["--bind", logOf(gateway), logOf(gateway)]);
      execFileSync("mount", ["-o", "remount,bind,ro", logOf(gateway)]);
    },
    end: gateway => void execFileSync("umount", [logOf(gateway)]),
  },
];

/** A small disk of its own for the run folder. */
function ownDisk(dir: string): void {
  mkdirSync(runDirOf({ dir }), { mode: 0o700 });
  execFileSync("mount", ["-t", "tmpfs", "-o", "size=1m,mode=0700", "none", runDirOf({ dir })]);
}

/** Before its folder is removed. */
const unmount = (gateway: GatewayRun) => ({
  async close() {
    await gateway.stop();
    const mounts = readFileSync("/proc/self/mounts", "utf8").split("\n");
    const inside = mounts.map(line => line.split(" ")[1] ?? "").filter(path => path.startsWith(gateway.dir));
    for (const path of inside.reverse()) execFileSync("umount", ["-l", path]);
  },
});

for (const { id, what, needs, disk, begin, end } of BROKEN) {
  row(
    id,
    `${what}: no call fails, lines are kept, the status says so, and they are written when it is over`,
    async () => {
      const { gateway, agent } = await logging({}, disk ? ownDisk : undefined);
      await echo(agent, "before");
      expect(await poll(() => logged(gateway, /before/) === 1)).toBe(true);
      if (needs.length > 0) keep(unmount(gateway));
      begin(gateway);
      await echo(agent, "during");
      const { health, log, warnings } = await gateway.until(
        status => status.log.trouble !== null,
        () => echo(agent, "during"),
      );
      expect(health).toBe("degraded");
      expect(log.waitingBytes).toBeGreaterThan(0);
      expect(warnings.join("\n")).toMatch(/The log .*calls\.log cannot be written: /);
      expect(gateway.output().match(/cannot write the log/g)).toHaveLength(1);
      for (let call = 0; call < 20; call++) expect((await echo(agent, "during")).message?.result).toBeDefined();
      const offered = upstreamRuns(await gateway.status());
      end(gateway);
      const after = await gateway.until(status => status.log.trouble === null && status.log.waitingBytes === 0);
      expect(after.health).toBe("ok");
      expect(after.log.dropped).toBe(0);
      expect(logged(gateway, /before|during/)).toBe(offered);
      expect(gateway.output()).toContain("is written again");
    },
    needs,
  );
}

row(
  "F-44",
  "a gateway that cannot start for want of space says so, and leaves nothing half-written",
  async () => {
    const { dir } = writeConfig(configToml([]));
    keep({ close: async () => rmSync(dir, { recursive: true }) });
    ownDisk(dir);
    keep({ close: async () => void execFileSync("umount", ["-l", runDirOf({ dir })]) });
    const { bavail, bsize } = statfsSync(runDirOf({ dir }));
    writeFileSync(join(runDirOf({ dir }), "ballast"), Buffer.alloc(bavail * bsize));
    const { code, stderr } = await rad(["mcp", "proxy", "start", "--port", "0"], { cwd: dir });
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /^error\[RAD2021\]: There is no space left on the disk\n --> .*run\/.*\n {2}= help: Make room/,
    );
    expect(readdirSync(runDirOf({ dir })).filter(name => name !== "ballast")).toEqual([]);
  },
  ["linux", "root", "tmpfs"],
);

const upstreamRuns = ({ upstreams }: { upstreams: readonly { calls: number }[] }): number => upstreams[0]?.calls ?? 0;

row(
  "F-44",
  "what does not fit into memory meanwhile is counted: lines written and dropped are all of them",
  async () => {
    const { gateway, agent } = await logging({ log_max_bytes: 64 * 1024 });
    const { begin, end } = BROKEN[0]!;
    begin(gateway);
    await gateway.until(
      status => status.log.trouble !== null,
      () => echo(agent, "small"),
    );
    for (let call = 0; call < 80; call++) {
      expect((await echo(agent, "x".repeat(60 * 1024))).message?.result).toBeDefined();
    }
    const { log, upstreams } = await gateway.until(status => status.log.dropped > 0);
    expect(log.waitingBytes).toBeLessThanOrEqual(8 * 1024 * 1024);
    end(gateway);
    const after = await gateway.until(status => status.log.trouble === null && status.log.waitingBytes === 0);
    expect(after.log.dropped).toBeGreaterThan(0);
    expect(logged(gateway, /small|xxx/) + after.log.dropped).toBe(upstreams[0]?.calls);
    expect(after.warnings.join("\n")).toContain(`lost ${after.log.dropped} lines`);
  },
);

row("F-44", "where no call may go unlogged, none runs until its line can be written", async () => {
  const { gateway, upstream, agent } = await logging({ log_on_failure: "block" });
  const { begin, end } = BROKEN[0]!;
  begin(gateway);
  await gateway.until(
    status => status.log.trouble !== null,
    () => echo(agent, "let in"),
  );
  const ran = upstream.journal.executions.length;
  for (let call = 0; call < 5; call++) expect(failureOf(await echo(agent, "refused"))).toMatchObject(REFUSED);
  expect(upstream.journal.executions).toHaveLength(ran);
  // Lists are no calls.
  expect((await agent.request("tools/list")).message?.result).toBeDefined();
  end(gateway);
  await gateway.until(status => status.log.trouble === null && status.log.waitingBytes === 0);
  expect((await echo(agent, "let in")).message?.result).toBeDefined();
  expect(await poll(() => logged(gateway, /let in/) === ran + 1)).toBe(true);
  expect(logged(gateway, /refused/)).toBe(0);
});

row(
  "F-44",
  "a device that is full for ever neither throws nor keeps more than 8 MiB",
  async () => {
    const told: string[] = [];
    const log = openLog({
      ...{ path: "/dev/full", maxBytes: 1024 * 1024, keep: 3, clock: systemClock },
      onTrouble: message => told.push(message),
    });
    for (let line = 0; line < 20; line++) log.write("x".repeat(1024 * 1024));
    await log.flush();
    expect(log.stats()).toMatchObject({ written: 0, trouble: expect.stringContaining("ENOSPC") });
    expect(log.stats().waitingBytes).toBeLessThanOrEqual(8 * 1024 * 1024);
    expect(log.stats().dropped).toBeGreaterThanOrEqual(12);
    expect(log.ready).toBe(false);
    expect(told).toHaveLength(1);
    await log.close();
    expect(log.stats().dropped).toBe(20);
  },
  ["linux"],
);

row(
  "F-45",
  "a log that is moved away under load goes on in a new file, also across SIGHUP, and loses no line",
  async () => {
    const { gateway, agent } = await logging({});
    let calls = 0;
    for (; calls < 150; calls++) {
      await echo(agent, `number ${calls} `);
      if (calls % 50 === 25) {
        if (existsSync(logOf(gateway))) renameSync(logOf(gateway), join(runDirOf(gateway), `moved.${calls}`));
        process.kill(gateway.pid, "SIGHUP");
      }
    }
    const goesOn = await poll(async () => {
      if (existsSync(logOf(gateway))) return true;
      await echo(agent, `number ${calls++} `);
      return false;
    });
    expect(goesOn).toBe(true);
    expect(await poll(() => logged(gateway, /number \d+ /) === calls)).toBe(true);
    const { log } = await gateway.status();
    expect(log).toMatchObject({ written: calls, dropped: 0, trouble: null });
  },
);
