import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "vitest";
import { legacyAgent, modernAgent } from "../fixtures/agents/http.ts";
import { upstreamCommand } from "../fixtures/build.ts";
import { configToml, rad, startGateway, writeConfig } from "../fixtures/gateway.ts";
import { useCleanup } from "../fixtures/leaks.ts";
import { poll } from "../fixtures/poll.ts";
import { startUpstream } from "../fixtures/upstream/upstream.ts";
import { behind, tableOf, UNLIMITED } from "./behind.ts";
import { failureOf, resultOf, row } from "./lab.ts";

const keep = useCleanup();
const slow = (ms: number) => ({ name: "slow", arguments: { ms } });

row(
  "F-50",
  "a gateway that stood still for longer than a call may take neither times out what is there nor ejects",
  async () => {
    const { gateway, upstream } = await behind(keep, {}, { table: { timeout: 2 } });
    const agent = modernAgent(gateway.url);
    const calls = Array.from({ length: 8 }, () => agent.request("tools/call", slow(500)));
    await upstream.journal.until(({ executions }) => executions.length === calls.length);
    process.kill(gateway.pid, "SIGSTOP");
    // Its answers lie in its sockets while it stands still: how long that is, is the fault.
    await sleep(3_000);
    process.kill(gateway.pid, "SIGCONT");
    for (const call of calls) expect(resultOf(await call)).toMatchObject({ content: [{ text: "waited 500 ms" }] });
    const { upstreams, health } = await gateway.status();
    expect(health).toBe("ok");
    expect(upstreams[0]).toMatchObject({ state: "ready", failures: 0 });
    expect((await fetch(`${gateway.base}/readyz`)).status).toBe(200);
  },
);

/** On SIGUSR2 the process does nothing else for 2 s; on SIGHUP it is busy for 0.6 s again and again, until told so again. */
const BUSY = `
  const block = ms => { for (const end = performance.now() + ms; performance.now() < end;); };
  let again;
  process.on("SIGUSR2", () => block(2_000));
  process.on("SIGHUP", () => {
    if (again) clearInterval(again);
    again = again ? undefined : setInterval(block, 10, 600);
  });
`;
const NODE_OPTIONS = `--import=data:text/javascript,${encodeURIComponent(BUSY)}`;

row(
  "F-50",
  "an event loop that is blocked for 2 s ejects nobody, although every deadline and check has passed",
  async () => {
    const upstreams = await Promise.all(["a", "b"].map(async name => keep(await startUpstream({ name }))));
    const tables = upstreams.map(one => tableOf(one, { timeout: 1.5 }));
    const toml = configToml(tables, UNLIMITED);
    const gateway = keep(await startGateway({ toml, env: { NODE_OPTIONS } }));
    await gateway.until();
    const agent = modernAgent(gateway.url);
    const calls = Array.from({ length: 16 }, () => agent.request("tools/call", slow(300)));
    const running = () => upstreams.reduce((sum, { journal }) => sum + journal.executions.length, 0);
    expect(await poll(() => running() === calls.length, { everyMs: 5 })).toBe(true);
    process.kill(gateway.pid, "SIGUSR2");
    for (const call of calls) expect(resultOf(await call)).toMatchObject({ content: [{ text: "waited 300 ms" }] });
    const status = await gateway.status();
    expect(status.health).toBe("ok");
    expect(status.upstreams.map(({ state, failures }) => [state, failures])).toEqual([
      ["ready", 0],
      ["ready", 0],
    ]);
  },
);

row(
  "F-50",
  "an event loop that is late again and again is reported, the health route answers, and it passes",
  async () => {
    const { gateway } = await behind(keep, {}, { env: { NODE_OPTIONS } });
    expect(await gateway.status()).toMatchObject({ overloaded: false, health: "ok" });
    process.kill(gateway.pid, "SIGHUP");
    const { health, warnings } = await gateway.until(({ overloaded }) => overloaded);
    expect(health).toBe("degraded");
    expect(warnings[0]).toMatch(/^The gateway is overloaded: /);
    expect((await fetch(`${gateway.base}/healthz`)).status).toBe(200);
    process.kill(gateway.pid, "SIGHUP");
    const after = await gateway.until(({ overloaded }) => !overloaded);
    expect(after.upstreams.map(({ state, failures }) => [state, failures])).toEqual([["ready", 0]]);
  },
);

row(
  "F-51",
  "a port that another program has is named at once, with what to do, and nothing is left running",
  async () => {
    const other = createServer().listen(0, "127.0.0.1");
    await new Promise(resolve => other.once("listening", resolve));
    keep({ close: () => new Promise(resolve => other.close(resolve)) });
    const { port } = other.address() as AddressInfo;
    const table = { name: "child", transport: "stdio", ...upstreamCommand() };
    const { dir } = writeConfig(configToml([table], { port }));
    keep({ dir, close: async () => rmSync(dir, { recursive: true }) });
    for (const flags of [[], ["--detach"]]) {
      const { code, stderr } = await rad(["mcp", "proxy", "start", ...flags], { cwd: dir });
      expect(code).toBe(4);
      expect(stderr).toMatch(new RegExp(`^error\\[RAD2004\\]: Port already in use: 127\\.0\\.0\\.1:${port}`));
      expect((await rad(["mcp", "proxy", "status"], { cwd: dir })).code).toBe(3);
    }
  },
);

/** Where Debian and others put it. */
function fakeTimeLibrary(): string | undefined {
  for (const base of ["/usr/lib", "/usr/lib64", "/usr/local/lib"]) {
    try {
      const folders = ["", ...readdirSync(base)].map(name => join(base, name, "faketime"));
      for (const folder of folders) {
        const found = listing(folder).find(name => name === "libfaketime.so.1");
        if (found) return join(folder, found);
      }
    } catch {
      // Not on this system.
    }
  }
  return undefined;
}

function listing(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

/** A wall clock for one program that a test moves; what measures durations goes on. */
function movableClock() {
  const folder = mkdtempSync(join(tmpdir(), "radium-clock-"));
  const file = join(folder, "clock");
  const shift = (seconds: string): void => writeFileSync(file, seconds);
  shift("+0");
  return {
    shift,
    env: {
      ...{ LD_PRELOAD: fakeTimeLibrary() ?? "", FAKETIME_TIMESTAMP_FILE: file },
      ...{ FAKETIME_DONT_FAKE_MONOTONIC: "1", FAKETIME_NO_CACHE: "1" },
    },
    close: async () => rmSync(folder, { recursive: true }),
  };
}

row(
  "F-46",
  "an hour forward and two back under load: no call fails, nobody is ejected, limits and sessions stay, the log goes on",
  async () => {
    const upstreams = [
      keep(await startUpstream({ name: "a" })),
      keep(await startUpstream({ name: "b", era: "legacy" })),
    ];
    const { env, shift } = keep(movableClock());
    const proxy = { ...UNLIMITED, naming: "always", security: { rate_limit_per_minute: 1_000 } };
    const gateway = keep(
      await startGateway({
        toml: configToml(
          upstreams.map(one => tableOf(one)),
          proxy,
        ),
        env,
      }),
    );
    await gateway.until();
    const agents = [modernAgent(gateway.url), keep(await legacyAgent(gateway.url))];
    const round = async () => {
      for (const agent of agents) {
        for (const name of ["a__count", "b__count"])
          resultOf(await agent.request("tools/call", { name, arguments: {} }));
      }
    };
    const stated = await gateway.status();
    const pending = agents.map(agent => agent.request("tools/call", { ...slow(2_500), name: "a__slow" }));
    for (const seconds of ["+0", "+3600", "-3600", "+0", "+3600"]) {
      shift(seconds);
      await round();
      // Longer than a round of checks.
      await sleep(1_300);
      await round();
    }
    for (const call of pending) resultOf(await call);
    const after = await gateway.status();
    expect(after.health).toBe("ok");
    expect(after.uptimeMs - stated.uptimeMs).toBeLessThan(10 * 60_000);
    expect(after.uptimeMs).toBeGreaterThan(stated.uptimeMs);
    expect(after.upstreams.map(({ state, failures, since }) => [state, failures, since])).toEqual(
      stated.upstreams.map(({ since }) => ["ready", 0, since]),
    );
    const lines = gateway.logLines();
    const monos = lines.map(({ mono }) => Number(mono));
    expect(monos).toEqual([...monos].sort((one, other) => one - other));
    const shifts = new Set(
      lines.map(({ ts, mono }) => Math.round((Date.parse(String(ts)) - Number(mono)) / 3_600_000)),
    );
    expect(shifts.size).toBeGreaterThanOrEqual(3);
  },
  ["linux", "faketime"],
);

row(
  "F-46",
  "a limit that is used up is neither refilled by an hour that has not passed nor kept for two",
  async () => {
    const upstream = keep(await startUpstream());
    const { env, shift } = keep(movableClock());
    const proxy = { security: { rate_limit_per_minute: 6 } };
    const gateway = keep(await startGateway({ toml: configToml([tableOf(upstream)], proxy), env }));
    await gateway.until();
    const agent = modernAgent(gateway.url);
    const ask = () => agent.request("tools/call", { name: "count", arguments: {} });
    for (let call = 0; call < 6; call++) resultOf(await ask());
    for (const seconds of ["+0", "+3600", "-3600"]) {
      shift(seconds);
      const { code, retryAfterMs } = failureOf(await ask());
      expect(code).toBe(-31004);
      expect(retryAfterMs).toBeGreaterThan(0);
      expect(retryAfterMs).toBeLessThanOrEqual(60_000);
    }
  },
  ["linux", "faketime"],
);
