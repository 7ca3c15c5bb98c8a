import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "esbuild";
import { afterAll, describe, expect, test, vi } from "vitest";
import { script, shell, watchedChildren } from "../../../test/fixtures/children.ts";
import { systemClock } from "../../lib/clock.ts";
import { createProcessRegistry } from "../channel/process-registry.ts";
import { type ProcessHost, type ProcessSpec, type RunningProcess, startProcess } from "./process.ts";

const { env, running } = watchedChildren();
const folder = mkdtempSync(join(tmpdir(), "process-"));
afterAll(() => rmSync(folder, { recursive: true }));

interface Started {
  readonly child: RunningProcess;
  readonly registry: ReturnType<typeof createProcessRegistry>;
  /** Resolves when stdout holds the text. */
  printed(text: string): Promise<void>;
  readonly closed: Promise<{ how: string; detail: string }>;
  readonly ends: string[];
  output(): string;
}

function start(spec: Partial<ProcessSpec>, host: Partial<ProcessHost> = {}): Started {
  const registry = createProcessRegistry();
  let output = "";
  let look = (): void => {};
  const ends: string[] = [];
  let end: (value: { how: string; detail: string }) => void = () => {};
  const closed = new Promise<{ how: string; detail: string }>(resolve => {
    end = resolve;
  });
  const child = startProcess(
    { command: "", args: [], env, cwd: folder, ...spec },
    { clock: systemClock, registry, ...host },
    {
      stdout(chunk) {
        output += chunk;
        look();
      },
      closed(value) {
        ends.push(value.detail);
        end(value);
      },
    },
  );
  const printed = (text: string): Promise<void> =>
    new Promise(resolve => {
      look = () => output.includes(text) && resolve();
      look();
    });
  return { child, registry, printed, closed, ends, output: () => output };
}

const quick = { endOfInputMs: 100, terminateMs: 100, killMs: 750 };
const STUBBORN = "process.on('SIGTERM',()=>{});setInterval(()=>{},1e3);console.log('up')";
const DAEMON = `require("child_process").spawn("sleep",["100"],{detached:true,stdio:"inherit"});
  console.log("forked");process.exit(4)`;

describe("a command that cannot be run", () => {
  writeFileSync(join(folder, "plain.txt"), "no program");
  writeFileSync(join(folder, "lost"), "#!/nowhere/python\n");
  chmodSync(join(folder, "lost"), 0o755);
  test.each([
    ["is missing", { command: "uvx-none" }, /"uvx-none" was not found; searched PATH \/.*install it/],
    ["is a shell text", { command: "echo x; touch pwned" }, /"echo x; touch pwned" was not found/],
    ["has a path that leads nowhere", { command: "./none" }, /"\.\/none" does not exist \(.*none\)/],
    ["is not executable", { command: "./plain.txt" }, /"\.\/plain\.txt" may not be run; make it executable/],
    ["names a missing interpreter", { command: "./lost" }, /"\.\/lost" exists, but the interpreter/],
    ["has no folder to run in", { command: "sh", cwd: "/nowhere" }, /working directory \/nowhere does not exist/],
    [
      "has a zero byte in its arguments",
      { command: "sh", args: ["a\0b"] },
      /could not be started: its name or an argument holds what/,
    ],
    ["is empty", { command: "" }, /could not be started/],
  ])("%s: a person is told what to do", async (_, spec, detail) => {
    const { child, closed, registry } = start(spec);
    expect(await closed).toEqual({ how: "cannot_run", detail: expect.stringMatching(detail) });
    expect(child.pid).toBeUndefined();
    expect(registry.groups()).toEqual([]);
    await child.stop();
  });
});

describe("a child that ends by itself", () => {
  test("leaves its exit code and last words, after all of its output", async () => {
    const { closed, printed } = start(script("console.log('last');console.error('no','key');process.exitCode=3"));
    const { detail } = await closed;
    expect(detail).toMatch(/exited with code 3; last lines on stderr: no key$/);
    await printed("last");
  });

  test("is told apart from one that was killed", async () => {
    const { closed } = start(shell("kill -SEGV $$"));
    expect((await closed).detail).toBe('"/bin/sh" was killed by SIGSEGV');
  });

  test("gets a hint when it speaks of a variable that was not passed on", async () => {
    const environment = { GITHUB_TOKEN: "secret" };
    const { closed } = start(shell("echo 'GITHUB_TOKEN is not set' >&2; exit 1"), { environment });
    const { detail } = await closed;
    expect(detail).toContain('inherit_env = ["GITHUB_TOKEN"]');
    expect(detail).not.toContain("secret");
  });

  test("takes the rest of its group with it", async () => {
    const { closed, registry, child } = start(shell("sleep 100 & sleep 100 & exit 0"));
    expect((await closed).detail).toContain("exited with code 0");
    await child.stop();
    expect(running()).toEqual([]);
    expect(registry.groups()).toEqual([]);
  });

  test("is gone for its owner even when a stranger keeps its output open", async () => {
    const { child, closed, output } = start(script(DAEMON));
    expect((await closed).detail).toContain("exited with code 4");
    expect(output()).toBe("forked\n");
    await child.stop();
    for (const pid of running()) process.kill(pid, "SIGKILL");
    await vi.waitFor(() => expect(running()).toEqual([]));
  });
});

describe("stopping", () => {
  test("needs no signal when the child heeds the end of its input", async () => {
    const { child, printed, ends } = start(script("process.stdin.on('end',()=>console.log('bye')).resume()"));
    await Promise.all([printed("bye"), child.stop()]);
    expect(ends).toEqual(["stopped"]);
  });

  test("lets a child clean up on SIGTERM", async () => {
    const code = "process.on('SIGTERM',()=>{console.log('cleaned');process.exit()});setInterval(()=>{},1e3);";
    const { child, printed } = start(script(`${code}console.log('up')`), {
      stopTimes: { ...quick, terminateMs: 5_000 },
    });
    await printed("up");
    await Promise.all([child.stop(), printed("cleaned")]);
  });

  test("kills a child that ignores SIGTERM, within its times", async () => {
    const { child, printed, registry } = start(script(STUBBORN), { stopTimes: quick });
    await printed("up");
    const begin = performance.now();
    await Promise.all([child.stop(), child.stop()]);
    expect(performance.now() - begin).toBeLessThan(2_000);
    expect(running()).toEqual([]);
    expect(registry.groups()).toEqual([]);
  });

  test.each([
    ["waits for it", 'node -e "$CODE" & wait'],
    ["runs it in the foreground", 'node -e "$CODE"; true'],
    ["left it alone", 'node -e "$CODE" & read line'],
  ])("reaches a stubborn grandchild behind a wrapper that %s", async (_, text) => {
    const { child, printed } = start({ ...shell(text), env: { ...env, CODE: STUBBORN } }, { stopTimes: quick });
    await printed("up");
    await child.stop();
    expect(running()).toEqual([]);
  });

  test("of a child that is already gone is nothing", async () => {
    const { child, closed, ends } = start(shell("exit 0"));
    await closed;
    await child.stop();
    child.kill("again");
    expect(ends).toHaveLength(1);
  });
});

describe("a running child", () => {
  test("has the arguments and the environment that were given, nothing else", async () => {
    const code = "console.log(JSON.stringify([Object.keys(process.env).sort(),process.argv[1]])+'!')";
    const { printed, closed } = start({ ...script(code), args: ["-e", code, "$(touch x)"] });
    await printed(`${JSON.stringify([Object.keys(env).sort(), "$(touch x)"])}!`);
    await closed;
  });

  test.runIf(process.platform === "linux")("has none of our open files", async () => {
    const path = join(folder, "open.txt");
    const file = openSync(path, "w");
    const { printed, closed, output } = start(shell("ls -l /proc/$$/fd; echo listed"));
    await Promise.all([printed("listed"), closed]);
    closeSync(file);
    expect(output()).toMatch(/ 0 -> .* 1 -> .* 2 -> /s);
    expect(output()).not.toContain(path);
  });

  test("that closes its stdout cannot answer any more and is ended", async () => {
    const { closed } = start(shell("exec 1>&-; exec sleep 100"));
    expect((await closed).detail).toBe('"/bin/sh" closed its stdout');
  });

  test("may flood stderr: what it costs and what is kept are bounded", async () => {
    const { child, printed, closed } = start(shell("yes flood >&2 & sleep 0.5; echo done; kill $!; exec cat"));
    const cpu = process.cpuUsage();
    await printed("done");
    const { user, system } = process.cpuUsage(cpu);
    expect((user + system) / 1_000).toBeLessThan(400);
    expect(child.stderr()).toHaveLength(100);
    await child.stop();
    expect((await closed).detail).toBe("stopped");
  });
});

test("a gateway that exits takes every group with it", async () => {
  const outfile = join(folder, "gateway.mjs");
  const contents = `
    import { startProcess } from "./process.ts";
    import { createProcessRegistry } from "../channel/process-registry.ts";
    import { systemClock } from "../../lib/clock.ts";
    const registry = createProcessRegistry();
    process.on("exit", registry.killAll);
    const spec = { command: "/bin/sh", args: ["-c", "sleep 100 & echo up; wait"], env: process.env, cwd: "/" };
    startProcess(spec, { clock: systemClock, registry }, { stdout: () => process.exit(7), closed() {} });`;
  const stdin = { contents, resolveDir: import.meta.dirname };
  await build({ stdin, outfile, bundle: true, format: "esm", platform: "node", logLevel: "error" });
  const gateway = spawn(process.execPath, [outfile], { env, stdio: "ignore" });
  expect(await once(gateway, "exit")).toEqual([7, null]);
  await vi.waitFor(() => expect(running()).toEqual([]));
});
