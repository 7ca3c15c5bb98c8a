import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { stdioAgent } from "../fixtures/agents/lines.ts";
import { GATEWAY } from "../fixtures/build.ts";
import { configToml, rad, writeConfig } from "../fixtures/gateway.ts";
import { isAlive, processesIn, useCleanup } from "../fixtures/leaks.ts";
import { poll } from "../fixtures/poll.ts";
import type { Json } from "../fixtures/upstream/contract.ts";

const keep = useCleanup();
const onLinux = process.platform === "linux";
if (!onLinux) console.log("whether processes stay is not looked at: this needs Linux");

/** Ignores the end of its input and every polite signal. */
const STUBBORN = "trap '' TERM INT HUP PIPE; while :; do sleep 1; done";

/** Until the end of its input. */
const WAIT = "while read line; do :; done";

/** What a server may leave behind: the words that start it, and how many processes it is (with its `sleep`s) at least. */
const FAMILIES: Readonly<Record<string, string>> = {
  "a grandchild whose wrapper dies at the end of its input": `sh -c "${STUBBORN}" <&- & ${WAIT}`,
  "a stubborn wrapper": STUBBORN,
  "a stubborn leader that was given no environment": `exec env -i PATH="$PATH" sh -c "${STUBBORN}"`,
  "one without an environment beside one that has it": `env -i PATH="$PATH" sh -c "${STUBBORN}" & sh -c "${STUBBORN}" & ${WAIT}`,
  "one in a session of its own": `setsid sh -c "${STUBBORN}" & ${WAIT}`,
  "one in a session of its own that let go of everything": `setsid sh -c "${STUBBORN}" </dev/null >/dev/null 2>&1 & ${WAIT}`,
};

const family = (name: string, words: string): Json => ({
  ...{ name, transport: "stdio", command: "/bin/sh", health_check_interval: 600 },
  args: ["-c", words.replaceAll("$PATH", process.env.PATH ?? "")],
});

function place(tables: readonly Json[]): { dir: string; run(...args: string[]): ReturnType<typeof rad> } {
  const { dir } = writeConfig(configToml(tables));
  const run = (...args: string[]) => rad(["mcp", "proxy", ...args], { cwd: dir });
  keep({
    dir,
    async close() {
      await run("stop", "--timeout", "0");
      rmSync(dir, { recursive: true, force: true });
    },
  });
  return { dir, run };
}

const idsIn = (dir: string): number[] => processesIn(dir).map(line => Number.parseInt(line, 10));
const isSleep = (line: string): boolean => / sleep 1$/.test(line);
/** Those that stay: `sleep`s come and go. */
const stubbornIn = (dir: string): string[] => processesIn(dir).filter(line => line.includes("trap") && !isSleep(line));

/** A gateway in the foreground, once its child has what will stay. */
async function started(dir: string): Promise<ChildProcess> {
  const gateway = spawn(process.execPath, [GATEWAY, "mcp", "proxy", "start", "--port", "0"], {
    cwd: dir,
    stdio: "ignore",
  });
  expect(await poll(() => stubbornIn(dir).length > 0)).toBe(true);
  return gateway;
}

/** Pids of what it left. */
async function startedAndKilled(dir: string): Promise<number[]> {
  const gateway = await started(dir);
  const leader = Number(
    /^\d+/.exec(processesIn(dir).find(line => line.includes(" /bin/sh -c ") || !line.includes("rad.js")) ?? "")?.[0],
  );
  await ended(gateway);
  // A leader that has ended can still be looked at until somebody reaps it.
  await poll(() => isAlive(leader) || !existsSync(`/proc/${leader}`), { withinMs: 2_000 });
  expect(stubbornIn(dir).length).toBeGreaterThan(0);
  return idsIn(dir);
}

const emptied = (dir: string, run: (...args: string[]) => ReturnType<typeof rad>) => async (): Promise<void> => {
  // The configuration of the next gateway starts nothing, so whatever runs is left from before.
  writeFileSync(join(dir, ".radium/mcp-proxy.toml"), configToml([]), { mode: 0o600 });
  expect((await run("start", "--detach", "--port", "0")).code).toBe(0);
};

describe.runIf(onLinux)("T-48 after kill -9 of the gateway the next start ends", () => {
  test.each(Object.entries(FAMILIES))("%s", async (_, words) => {
    const { dir, run } = place([family("child", words)]);
    const left = await startedAndKilled(dir);
    await emptied(dir, run)();
    const { pid } = JSON.parse((await run("status", "--json")).stdout) as { pid: number };
    expect(await poll(() => left.every(one => !isAlive(one)), { withinMs: 3_000 })).toBe(true);
    expect(idsIn(dir).filter(one => one !== pid)).toEqual([]);
    expect(JSON.parse((await run("status", "--json")).stdout).warnings).toEqual([]);
  });

  test("what was not recorded yet, the processes without an environment too", async () => {
    const { dir, run } = place([family("child", FAMILIES["one without an environment beside one that has it"]!)]);
    await startedAndKilled(dir);
    expect(await poll(() => stubbornIn(dir).length === 2)).toBe(true);
    const folder = join(dir, ".radium/run/children");
    for (const name of readdirSync(folder)) {
      const record = JSON.parse(readFileSync(join(folder, name), "utf8"));
      writeFileSync(join(folder, name), JSON.stringify({ ...record, groups: [] }));
    }
    await emptied(dir, run)();
    expect(await poll(() => stubbornIn(dir).length === 0, { withinMs: 3_000 })).toBe(true);
  });

  test("not what gave its environment and its group away, which `status` tells of", async () => {
    const words = `env -i PATH="$PATH" setsid sh -c "${STUBBORN}" & ${WAIT}`;
    const { dir, run } = place([family("child", words)]);
    await startedAndKilled(dir);
    const [stays = 0] = stubbornIn(dir).map(line => Number.parseInt(line, 10));
    onTestFinished(() => void (isAlive(stays) && process.kill(-stays, "SIGKILL")));
    await emptied(dir, run)();
    const { warnings } = JSON.parse((await run("status", "--json")).stdout) as { warnings: string[] };
    expect(warnings.join("\n")).toContain(`process ${stays} holds pipes of a child`);
  });

  test("what a gateway on standard streams left", async () => {
    const { dir, run } = place([family("child", FAMILIES["a grandchild whose wrapper dies at the end of its input"]!)]);
    const agent = await stdioAgent(process.execPath, [GATEWAY, "mcp", "proxy", "stdio"], { cwd: dir });
    expect(await poll(() => stubbornIn(dir).length > 0)).toBe(true);
    process.kill(agent.pid ?? 0, "SIGKILL");
    await agent.close();
    expect(stubbornIn(dir).length).toBeGreaterThan(0);
    await emptied(dir, run)();
    expect(await poll(() => stubbornIn(dir).length === 0, { withinMs: 3_000 })).toBe(true);
  });

  test("nothing of another gateway that runs beside it", async () => {
    const mine = place([family("child", STUBBORN)]);
    const other = place([family("child", STUBBORN)]);
    await started(other.dir);
    // The younger ones are its `sleep`s, which come and go.
    const child = Math.min(...stubbornIn(other.dir).map(line => Number.parseInt(line, 10)));
    await startedAndKilled(mine.dir);
    await emptied(mine.dir, mine.run)();
    expect(await poll(() => stubbornIn(mine.dir).length === 0, { withinMs: 3_000 })).toBe(true);
    expect(isAlive(child)).toBe(true);
  });

  test("no stranger that a forged record names", async () => {
    const stranger = spawn("sleep", ["1000"], { detached: true, stdio: "ignore" });
    onTestFinished(async () => void (await ended(stranger)));
    const { dir, run } = place([family("child", STUBBORN)]);
    await startedAndKilled(dir);
    const folder = join(dir, ".radium/run/children");
    const stat = readFileSync(`/proc/${stranger.pid}/stat`, "utf8");
    const ticks = stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
    const startTime = `${ticks}@${readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim()}`;
    mkdirSync(folder, { recursive: true });
    const groups = [1, 0, -1, stranger.pid].map(pid => ({ pid, startTime, pipes: ["/dev/null", "socket:[1]"] }));
    for (const name of readdirSync(folder)) {
      const record = JSON.parse(readFileSync(join(folder, name), "utf8"));
      writeFileSync(join(folder, name), JSON.stringify({ ...record, groups: [...record.groups, ...groups] }));
    }
    await emptied(dir, run)();
    expect(await poll(() => stubbornIn(dir).length === 0, { withinMs: 3_000 })).toBe(true);
    expect(isAlive(stranger.pid ?? 0)).toBe(true);
    const { warnings } = JSON.parse((await run("status", "--json")).stdout) as { warnings: string[] };
    expect(warnings).toEqual([expect.stringContaining(`process group ${stranger.pid}`)]);
  });
});

async function ended(child: ChildProcess): Promise<void> {
  const gone = child.exitCode ?? child.signalCode ?? once(child, "exit");
  child.kill("SIGKILL");
  await gone;
}

test.runIf(onLinux)(
  "what left its group and still holds the pipes ends with its server; a daemon lives on",
  async () => {
    const words = `setsid sh -c "${STUBBORN}" & setsid sh -c "trap '' TERM; exec sleep 100" </dev/null >/dev/null 2>&1 & ${WAIT}`;
    const { dir, run } = place([family("child", words)]);
    expect((await run("start", "--detach", "--port", "0")).code).toBe(0);
    const daemons = () => processesIn(dir).filter(line => line.endsWith("sleep 100"));
    expect(await poll(() => stubbornIn(dir).length > 1 && daemons().length === 1)).toBe(true);
    expect((await run("stop", "--timeout", "0")).code).toBe(0);
    expect(await poll(() => stubbornIn(dir).length === 0, { withinMs: 3_000 })).toBe(true);
    expect(daemons()).toHaveLength(1);
    for (const line of daemons()) process.kill(Number.parseInt(line, 10), "SIGKILL");
  },
);
