import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { expect, test } from "vitest";
import { ROOT } from "../fixtures/build.ts";
import { descendants, isAlive } from "../fixtures/leaks.ts";
import { poll } from "../fixtures/poll.ts";

/** A program of `scripts/lab.mjs`, as a terminal starts it: in a group of its own. */
function lab(...args: string[]) {
  const program = spawn(process.execPath, [join(ROOT, "scripts/lab.mjs"), ...args], {
    ...{ cwd: ROOT, detached: true },
    stdio: ["ignore", "pipe", "inherit"],
  });
  let printed = "";
  program.stdout.setEncoding("utf8").on("data", text => {
    printed += text;
  });
  return { pid: program.pid ?? 0, ended: once(program, "exit"), printed: () => printed };
}

const BOTH = { group: (pid: number) => -pid, program: (pid: number) => pid };

test.skipIf(process.platform !== "linux").each(Object.entries(BOTH))(
  "a chaos run that is interrupted leaves no process, whether the signal comes to the %s",
  async (_, whom) => {
    const { pid, ended, printed } = lab("chaos", "--seconds", "30");
    expect(await poll(() => printed().includes("seed"), { withinMs: 120_000 })).toBe(true);
    const started = descendants(pid);
    expect(started.length).toBeGreaterThan(5);
    process.kill(whom(pid), "SIGINT");
    expect((await ended)[0]).toBe(130);
    await poll(() => !started.some(isAlive), { withinMs: 10_000 });
    expect(started.filter(isAlive)).toEqual([]);
  },
  240_000,
);
