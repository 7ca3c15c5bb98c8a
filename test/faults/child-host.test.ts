import { readdirSync, readFileSync, readlinkSync, rmSync } from "node:fs";
import { expect, test } from "vitest";
import { modernAgent } from "../fixtures/agents/http.ts";
import { upstreamCommand } from "../fixtures/build.ts";
import { configToml, rad, startGateway, writeConfig } from "../fixtures/gateway.ts";
import { descendants, isAlive, processesIn, useCleanup } from "../fixtures/leaks.ts";
import { poll } from "../fixtures/poll.ts";
import { gatewayOf, UNLIMITED } from "./behind.ts";

const keep = useCleanup();
const onLinux = process.platform === "linux";
if (!onLinux) console.log("what a child is given is not looked at: this needs Linux");

test.runIf(onLinux)(
  "a child is given the allow-list, what its table names, and three descriptors; nothing else of ours",
  async () => {
    const canaries = Object.fromEntries(Array.from({ length: 20 }, (_, at) => [`RADIUM_CANARY_${at}`, `canary-${at}`]));
    const env = { ...canaries, NODE_OPTIONS: "--no-warnings", npm_config_canary: "1", LD_LIBRARY_PATH: "/nowhere" };
    // Never answers, and opens nothing by itself.
    const table = { name: "child", transport: "stdio", command: "sleep", args: ["1000"] };
    const more = { env: { MODE: "test" }, inherit_env: ["RADIUM_CANARY_7"] };
    const gateway = keep(await startGateway({ toml: configToml([{ ...table, ...more }], UNLIMITED), env }));
    const sleeper = () => descendants(gateway.pid).find(one => nameOf(one) === "sleep");
    expect(await poll(() => sleeper() !== undefined)).toBe(true);
    const pid = sleeper() ?? 0;
    const variables = readFileSync(`/proc/${pid}/environ`, "utf8").split("\0").filter(Boolean);
    const names = variables.map(one => one.slice(0, one.indexOf("=")));
    const allowed = [
      "PATH",
      "HOME",
      "USER",
      "LOGNAME",
      "SHELL",
      "TERM",
      "LANG",
      "TMPDIR",
      "MODE",
      "RADIUM_CANARY_7",
      "RADIUM_CHILD",
    ];
    expect(names.filter(name => !allowed.includes(name))).toEqual([]);
    expect(variables).toEqual(expect.arrayContaining(["MODE=test", "RADIUM_CANARY_7=canary-7"]));
    // Whoever started these tests may have left open what every process below inherits.
    const inherited = new Set(openOf(process.pid).values());
    const own = [...openOf(pid)].filter(([fd, target]) => fd < 3 || !inherited.has(target));
    expect(own.map(([fd]) => fd)).toEqual([0, 1, 2]);
    // The gateway itself has many.
    expect(openOf(gateway.pid).size).toBeGreaterThan(10);
  },
);

/** What a process has open, by number, sorted. */
const openOf = (pid: number): Map<number, string> =>
  new Map(
    readdirSync(`/proc/${pid}/fd`)
      .map(Number)
      .sort((one, other) => one - other)
      .flatMap(fd => {
        try {
          return [[fd, readlinkSync(`/proc/${pid}/fd/${fd}`)] as const];
        } catch {
          return [];
        }
      }),
  );

const nameOf = (pid: number): string => {
  try {
    return readFileSync(`/proc/${pid}/comm`, "utf8").trim();
  } catch {
    return "";
  }
};

test.runIf(onLinux)(
  "G-25 restarts of a child behind a wrapper leave as many processes as it has, and stopping leaves none",
  async () => {
    const { command, args } = upstreamCommand("--grandchild");
    const wrapped = { command: "sh", args: ["-c", '"$0" "$@"; exit $?', command, ...args] };
    const gateway = await gatewayOf(keep, [{ name: "child", transport: "stdio", ...wrapped }]);
    const agent = modernAgent(gateway.url);
    const answers = () =>
      poll(
        async () => (await agent.request("tools/call", { name: "count", arguments: {} })).message?.result !== undefined,
        {
          everyMs: 200,
        },
      );
    const family = descendants(gateway.pid);
    expect(family.length).toBe(3);
    // Short of what is taken for a crash loop.
    for (let restart = 0; restart < 4; restart++) {
      const before = descendants(gateway.pid);
      process.kill((await gateway.status()).upstreams[0]?.pid ?? 0, "SIGKILL");
      expect(await poll(() => before.every(pid => !isAlive(pid)))).toBe(true);
      expect(await answers()).toBe(true);
      expect(await poll(() => descendants(gateway.pid).length === family.length)).toBe(true);
    }
    const last = descendants(gateway.pid);
    expect(await gateway.stop()).toBe(0);
    expect(last.filter(isAlive)).toEqual([]);
  },
);

test("G-28 started, stopped and killed in turns there is always exactly one, and the next start is clean", async () => {
  const table = { name: "child", transport: "stdio", ...upstreamCommand() };
  const { dir } = writeConfig(configToml([table], UNLIMITED));
  const run = (...args: string[]) => rad(["mcp", "proxy", ...args], { cwd: dir });
  keep({
    dir,
    async close() {
      await run("stop");
      rmSync(dir, { recursive: true, force: true });
    },
  });
  const pids = new Set<number>();
  for (let cycle = 0; cycle < 4; cycle++) {
    expect((await run("start", "--detach", "--port", "0")).code).toBe(0);
    const [again, shown] = await Promise.all([run("start", "--detach"), run("status", "--json")]);
    expect(again.code).toBe(4);
    expect(shown.code).toBe(0);
    const { pid } = JSON.parse(shown.stdout) as { pid: number };
    pids.add(pid);
    if (cycle % 2 === 0) expect((await run("stop")).code).toBe(0);
    else process.kill(pid, "SIGKILL");
    expect(await poll(() => !isAlive(pid))).toBe(true);
    expect((await run("status")).code).toBe(3);
    if (cycle % 2 === 0) expect(processesIn(dir)).toEqual([]);
  }
  expect(pids.size).toBe(4);
});
