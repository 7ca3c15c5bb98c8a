import { afterAll, beforeAll, describe, expect } from "vitest";
import { poll } from "../fixtures/poll.ts";
import { type ChildLab, type ChildPair, childPair, startChildLab } from "./child.ts";
import { expectLogged, failureOf, loggedOf, resultOf, row, type Told } from "./lab.ts";
import type { RowId } from "./rows.ts";

const UNKNOWN = { code: -31003, delivery: "unknown", retryable: false, reason: "outcome_unknown" } as const;
const LATE = { code: -31002, delivery: "unknown", retryable: false, reason: "upstream_timeout" } as const;

/** A fault of a child: what a call that must not run twice hears, and whether the child is another one afterwards. */
interface ChildRow {
  readonly id: RowId;
  readonly title: string;
  readonly onCall: string;
  /** The child answers all the same where this is missing. */
  readonly unsafe?: Partial<Told>;
  readonly restarts?: boolean;
  readonly cancels?: boolean;
}

const ROWS: readonly ChildRow[] = [
  {
    id: "F-03",
    title: "a child that hangs is told that nobody waits any more",
    onCall: "",
    unsafe: LATE,
    cancels: true,
  },
  {
    id: "F-05",
    title: "an answer in drips is given up at the deadline",
    onCall: `let at = 0; const text = JSON.stringify({ jsonrpc: "2.0", id, result: { content: [] } }) + "\\n";
      const drip = () => { process.stdout.write(text[at++]); if (at < text.length) setTimeout(drip, 100); }; drip();`,
    unsafe: LATE,
  },
  {
    id: "F-11",
    title: "an answer with a wrong id reaches nobody",
    onCall: "say({ id: 987654321, result: {} })",
    unsafe: LATE,
  },
  {
    id: "F-12",
    title: "of two answers the first counts",
    onCall: 'ok(); reply({ content: [{ type: "text", text: "second" }] })',
  },
  {
    id: "F-15",
    title: "an answer with invalid UTF-8 is a protocol error",
    onCall: `process.stdout.write(Buffer.concat([Buffer.from('{"jsonrpc":"2.0","id":' + id + ',"result":{"x":"'),
      Buffer.from([0xff, 0xfe]), Buffer.from('"}}\\n')]));`,
    unsafe: { code: -31007, delivery: "answered", retryable: false, reason: "upstream_protocol_error" },
  },
  {
    id: "F-27",
    title: "a child that exits with 0 in a call",
    onCall: "process.exit(0)",
    unsafe: UNKNOWN,
    restarts: true,
  },
  {
    id: "F-27",
    title: "a child that exits with 1 in a call",
    onCall: "process.exit(1)",
    unsafe: UNKNOWN,
    restarts: true,
  },
  {
    id: "F-27",
    title: "a child that a signal ends in a call",
    onCall: 'process.kill(process.pid, "SIGKILL")',
    unsafe: UNKNOWN,
    restarts: true,
  },
  {
    id: "F-27",
    title: "a child that throws in the middle of its answer",
    onCall: `process.stdout.write('{"jsonrpc":"2.0","id":' + id + ',"res', () => { throw new Error("boom"); });`,
    unsafe: UNKNOWN,
    restarts: true,
  },
  {
    id: "F-30",
    title: "banners, colours and half a message on stdout do no harm",
    onCall: `process.stdout.write("Welcome!\\n\\u001b[32mINFO\\u001b[0m ready {\\n[1,2\\n{\\"jsonrpc\\":\\"2.0\\",\\n\\n\\r\\n"); ok();`,
  },
  {
    id: "F-30",
    title: "a line of 10 MB that is no message does no harm",
    onCall: `process.stdout.write("x".repeat(10 * 1024 * 1024 - 100) + "\\n", ok)`,
  },
  {
    id: "F-30",
    title: "an answer beyond the limit costs its call and nothing else",
    onCall: `process.stdout.write('{"jsonrpc":"2.0","id":' + id + ',"result":{"x":"' + "x".repeat(70 * 1024 * 1024) + '"}}\\n')`,
    unsafe: { code: -31008, delivery: "answered", retryable: false, reason: "response_too_large" },
  },
];

let lab: ChildLab;
let pairs: ChildPair[];
beforeAll(async () => {
  pairs = await Promise.all(
    ROWS.map(({ id, onCall, unsafe }, at) =>
      childPair(`${id.toLowerCase().replace("-", "")}x${at}`, { onCall }, unsafe === LATE ? { timeout: 3 } : {}),
    ),
  );
  lab = await startChildLab(pairs);
});
afterAll(() => lab?.close());

describe.concurrent("one fault of a child behind a gateway of many", () => {
  for (const [at, one] of ROWS.entries()) row(one.id, `${one.title} (stdio)`, () => prove(pairs[at]!, one));
});

async function prove(pair: ChildPair, { unsafe, restarts, cancels }: ChildRow): Promise<void> {
  const runs = (nonce: string) => lab.journal(pair).filter(line => line === `ran ${nonce}`).length;
  expect(resultOf(await lab.call(pair.unsafe, { nonce: "before" }))).toMatchObject({ content: [{ text: "a" }] });
  const pid = await lab.pidOf(pair);
  const answered = await lab.call(pair.unsafe, { fault: true, nonce: "unsafe" });
  if (unsafe) expect(failureOf(answered)).toMatchObject(unsafe);
  else expect(resultOf(answered)).toMatchObject({ content: [{ text: "a" }] });
  expect([runs("unsafe"), pair.b.journal.executions.length]).toEqual([1, 0]);
  const where = { upstream: `${pair.name}-a`, tool: pair.unsafe };
  if (unsafe) await expectLogged(lab.gateway, "unsafe", { ...unsafe, ...where });
  else expect(await loggedOf(lab.gateway, "unsafe", pair.unsafe)).toMatchObject({ outcome: "ok", attempts: 1 });
  if (cancels) expect(await poll(() => lab.journal(pair).includes("cancelled unsafe"))).toBe(true);
  const again = await poll(async () => (await lab.callChild(pair, { nonce: "again" })).message?.result !== undefined, {
    everyMs: 200,
  });
  expect(again, "the child answers again").toBe(true);

  const safe = await lab.call(pair.safe, { fault: true, nonce: "safe" });
  // Whoever has answered would answer the same elsewhere.
  if (unsafe?.delivery === "answered") expect(failureOf(safe)).toMatchObject(unsafe);
  else expect(resultOf(safe)).toMatchObject({ content: [{ text: unsafe ? "b" : "a" }] });
  expect(runs("safe")).toBeLessThanOrEqual(1);
  expect([runs("unsafe"), runs("before")]).toEqual([1, 1]);
  if (restarts) expect(await lab.pidOf(pair)).not.toBe(pid);
}
