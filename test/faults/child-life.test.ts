import { chmodSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "vitest";
import type { UpstreamStatus } from "../../src/core/status.ts";
import { descendants, useCleanup } from "../fixtures/leaks.ts";
import { poll } from "../fixtures/poll.ts";
import type { Json } from "../fixtures/upstream/contract.ts";
import { type ChildFault, type ChildLab, type ChildPair, childPair, startChildLab } from "./child.ts";
import { failureOf, memoryOf, resultOf, row } from "./lab.ts";

const keep = useCleanup();
const UNKNOWN = { code: -31003, delivery: "unknown", retryable: false, reason: "outcome_unknown" };
const UNAVAILABLE = { code: -31001, delivery: "not_sent", retryable: true, reason: "upstream_unavailable" };

async function start(fault: ChildFault, config: Json = {}): Promise<{ pair: ChildPair; lab: ChildLab }> {
  const pair = keep(await childPair("pair", fault, config));
  const lab = await startChildLab([pair]);
  keep({ dir: lab.gateway.dir, close: () => lab.close() });
  return { pair, lab };
}

/** The child's status once the check holds. */
async function untilChild(lab: ChildLab, check: (child: UpstreamStatus) => boolean): Promise<UpstreamStatus> {
  const isIt = ({ name }: UpstreamStatus) => name === "pair-a";
  const { upstreams } = await lab.gateway.until(({ upstreams }) => upstreams.some(one => isIt(one) && check(one)));
  return upstreams.find(isIt)!;
}

const answers = (lab: ChildLab, pair: ChildPair): Promise<boolean> =>
  poll(async () => (await lab.callChild(pair, { nonce: "back" })).message?.result !== undefined, { everyMs: 200 });

row(
  "F-28",
  "a child in a crash loop is shown with its last words, its replica serves, and it is taken back",
  async () => {
    const onStart = `if (require("node:fs").existsSync("broken")) {
      console.error("no API_KEY given; password=canary-in-stderr");
      process.exit(3);
    }`;
    const { pair, lab } = await start({ onStart, onCall: "process.exit(3)" });
    writeFileSync(join(lab.gateway.dir, "broken"), "");
    expect(failureOf(await lab.call(pair.unsafe, { fault: true, nonce: "unsafe" }))).toMatchObject(UNKNOWN);
    const child = await untilChild(lab, ({ state }) => state === "crashlooping");
    expect(child.stderr.join("\n")).toContain("no API_KEY given");
    const { stdout } = await lab.gateway.rad("mcp", "proxy", "status");
    expect(stdout).toContain("no API_KEY given");
    const everything = JSON.stringify([child, lab.gateway.logLines(), lab.gateway.output(), stdout]);
    expect(everything).not.toContain("canary-in-stderr");
    expect(failureOf(await lab.callChild(pair, { nonce: "alone" }))).toMatchObject(UNAVAILABLE);
    expect(resultOf(await lab.call(pair.unsafe, { nonce: "other" }))).toMatchObject({ content: [{ text: "b" }] });
    rmSync(join(lab.gateway.dir, "broken"));
    expect(await answers(lab, pair)).toBe(true);
    expect(lab.journal(pair).filter(line => line === "ran unsafe")).toHaveLength(1);
  },
);

const BREAKS: readonly (readonly [string, (path: string) => () => void, RegExp])[] = [
  [
    "is missing",
    path => {
      renameSync(path, `${path}.away`);
      return () => renameSync(`${path}.away`, path);
    },
    /does not exist/,
  ],
  [
    "may not be run",
    path => {
      chmodSync(path, 0o644);
      return () => chmodSync(path, 0o755);
    },
    /may not be run|not executable|permission/i,
  ],
];
for (const [what, breakIt, says] of BREAKS) {
  row("F-29", `a command that ${what} is named in the status, its replica serves, and it is taken back`, async () => {
    const dir = mkdtempSync(join(tmpdir(), "radium-faults-"));
    keep({ close: async () => rmSync(dir, { recursive: true, force: true }) });
    const command = join(dir, "server.sh");
    writeFileSync(command, `#!/bin/sh\nexec "${process.execPath}" "$@"\n`, { mode: 0o755 });
    const { pair, lab } = await start({ onCall: "process.exit(0)" }, { command });
    const mend = breakIt(command);
    expect(failureOf(await lab.call(pair.unsafe, { fault: true, nonce: "unsafe" }))).toMatchObject(UNKNOWN);
    const { lastError } = await untilChild(lab, child => says.test(child.lastError ?? ""));
    expect(lastError).toContain(command);
    expect(failureOf(await lab.callChild(pair, { nonce: "alone" }))).toMatchObject(UNAVAILABLE);
    expect(resultOf(await lab.call(pair.unsafe, { nonce: "other" }))).toMatchObject({ content: [{ text: "b" }] });
    mend();
    expect(await answers(lab, pair)).toBe(true);
  });
}

row("F-29", "a command that is gone is no crash loop, and a reload finds it mended", async () => {
  const dir = mkdtempSync(join(tmpdir(), "radium-faults-"));
  keep({ close: async () => rmSync(dir, { recursive: true, force: true }) });
  const command = join(dir, "server.sh");
  writeFileSync(command, `#!/bin/sh\nexec "${process.execPath}" "$@"\n`, { mode: 0o755 });
  const { pair, lab } = await start({ onCall: "process.exit(0)" }, { command, health_check_interval: 3_600 });
  renameSync(command, `${command}.away`);
  expect(failureOf(await lab.call(pair.unsafe, { fault: true, nonce: "unsafe" }))).toMatchObject(UNKNOWN);
  const missing = `command "${command}" does not exist (${command})`;
  await untilChild(lab, ({ lastError }) => lastError === missing);
  // More often than a child may end before it is in a crash loop.
  for (let time = 0; time < 7; time++) {
    expect(failureOf(await lab.callChild(pair, { nonce: `early-${time}` }))).toMatchObject(UNAVAILABLE);
    expect((await lab.gateway.rad("mcp", "proxy", "reload")).code).toBe(0);
  }
  await untilChild(lab, ({ state, lastError }) => state === "down" && lastError === missing);
  const { stdout } = await lab.gateway.rad("mcp", "proxy", "status");
  expect(stdout).toContain("help: Correct `command` or `cwd` in the configuration");
  renameSync(`${command}.away`, command);
  expect((await lab.gateway.rad("mcp", "proxy", "reload")).code).toBe(0);
  expect(await answers(lab, pair)).toBe(true);
});

row("F-31", "a child that never reads takes no more than fits, is started again, and nothing runs twice", async () => {
  const { pair, lab } = await start(
    { onCall: "process.stdin.pause(); setInterval(() => {}, 1e6)" },
    // Checks would find out in their own way.
    { health_check_interval: 30 },
  );
  const first = lab.call(pair.unsafe, { fault: true, nonce: "first" });
  expect(await poll(() => lab.journal(pair).includes("ran first"))).toBe(true);
  const text = "x".repeat(2_000_000);
  const other = lab.call(pair.unsafe, { nonce: "other", text });
  // One of them waits for the child to read, the others find the queue full.
  const large = await Promise.all([1, 2, 3].map(() => lab.callChild(pair, { nonce: "large", text })));
  for (const one of large) {
    expect(failureOf(one)).toMatchObject({ code: -31005, delivery: "not_sent", retryable: true });
  }
  expect(resultOf(await other)).toMatchObject({ content: [{ text: "b" }] });
  expect(failureOf(await first)).toMatchObject(UNKNOWN);
  expect(await answers(lab, pair)).toBe(true);
  const ran = lab.journal(pair);
  expect(ran.filter(line => line === "ran first")).toHaveLength(1);
  expect(ran.filter(line => line === "ran large" || line === "ran other")).toEqual([]);
});

row(
  "F-32",
  "a child that closes its stdin ends what it had with an unknown outcome, and is started again",
  async () => {
    const { pair, lab } = await start({ onCall: "fs.closeSync(0); setInterval(() => {}, 1e6)" });
    const pid = await lab.pidOf(pair);
    const first = lab.call(pair.unsafe, { fault: true, nonce: "first" });
    expect(await poll(() => lab.journal(pair).includes("ran first"))).toBe(true);
    expect(resultOf(await lab.call(pair.safe, { nonce: "safe" }))).toMatchObject({ content: [{ text: "b" }] });
    expect(failureOf(await first)).toMatchObject(UNKNOWN);
    expect(await answers(lab, pair)).toBe(true);
    expect(await lab.pidOf(pair)).not.toBe(pid);
    expect(lab.journal(pair).filter(line => line === "ran first" || line === "ran safe")).toEqual(["ran first"]);
  },
);

row(
  "F-33",
  "a flood on stderr disturbs no call, fills neither memory nor log",
  async () => {
    const onCall = `const line = "y".repeat(1023) + "\\n";
      const flood = () => { while (process.stderr.write(line.repeat(64))) {} process.stderr.once("drain", flood); };
      flood(); ok();`;
    const { pair, lab } = await start({ onCall });
    resultOf(await lab.call(pair.unsafe, { nonce: "before" }));
    const { pid } = lab.gateway;
    const { nowMb } = memoryOf(pid);
    const child = await lab.pidOf(pair);
    resultOf(await lab.call(pair.unsafe, { fault: true, nonce: "flood" }));
    for (let at = 0; at < 50; at++) {
      expect(resultOf(await lab.call(pair.unsafe, { nonce: `call-${at}` }))).toMatchObject({
        content: [{ text: "a" }],
      });
    }
    expect(memoryOf(pid).nowMb - nowMb).toBeLessThan(64);
    expect(await lab.pidOf(pair)).toBe(child);
    const { stderr } = await untilChild(lab, ({ state }) => state === "ready");
    expect(stderr.join("\n").length).toBeLessThan(65 * 1024);
    expect(lab.gateway.output().length).toBeLessThan(65 * 1024);
  },
  ["linux"],
);

row(
  "F-34",
  "a child that ignores its end and leaves children of its own is gone soon, with all of them",
  async () => {
    const onStart = `process.on("SIGTERM", () => {}).on("SIGINT", () => {});
      for (const detached of [false, false]) {
        require("node:child_process").spawn("/bin/sh", ["-c", "trap '' TERM INT; while :; do sleep 1; done"], { stdio: "ignore", detached });
      }
      setInterval(() => {}, 1e6);`;
    const { pair, lab } = await start({ onStart });
    resultOf(await lab.call(pair.unsafe, { nonce: "before" }));
    const before = descendants(lab.gateway.pid);
    expect(before.length).toBeGreaterThanOrEqual(3);
    const began = performance.now();
    expect(await lab.gateway.stop()).toBe(0);
    // Two seconds for the end of its input, two for SIGTERM, and a busy machine.
    expect(performance.now() - began).toBeLessThan(15_000);
    const isAlive = (pid: number): boolean => descendants(1).includes(pid) || descendants(process.pid).includes(pid);
    expect(await poll(() => !before.some(isAlive), { withinMs: 5_000 })).toBe(true);
  },
  ["linux"],
);
