import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import type { Answered } from "../fixtures/agents/answered.ts";
import { parse } from "../fixtures/agents/answered.ts";
import type { GatewayRun } from "../fixtures/gateway.ts";
import { poll } from "../fixtures/poll.ts";
import type { Json } from "../fixtures/upstream/contract.ts";
import type { RowId } from "./rows.ts";

/** What a test needs of the machine; each says what is missing. */
const NEEDS = {
  root: () => (process.getuid?.() === 0 ? undefined : "this needs root"),
  linux: () => (process.platform === "linux" ? undefined : "this needs Linux"),
  nft: () => program("unshare", "--net", "nft", "add", "table", "inet", "faults"),
  ip: () => program("ip", "-V"),
  unshare: () => program("unshare", "--net", "true"),
  openssl: () => program("openssl", "version"),
  faketime: () => program("faketime", "now", "true"),
  prlimit: () => program("prlimit", "--version"),
  tmpfs: () => program("unshare", "--mount", "mount", "-t", "tmpfs", "none", "/mnt"),
} as const satisfies Readonly<Record<string, () => string | undefined>>;
export type Need = keyof typeof NEEDS;

function program(name: string, ...args: string[]): string | undefined {
  try {
    execFileSync(name, args, { stdio: "ignore", timeout: 10_000 });
    return undefined;
  } catch {
    return `"${[name, ...args].join(" ")}" does not work here`;
  }
}

/** A test of one row of the fault matrix. Skipped, with a printed reason, where the machine lacks what it needs. */
export function row(id: RowId, title: string, run: () => Promise<void>, needs: readonly Need[] = []): void {
  const reason = needs.map(need => NEEDS[need]()).find(missing => missing !== undefined);
  if (reason === undefined) test(`${id} ${title}`, run);
  else {
    console.log(`${id} ${title}: skipped, ${reason}`);
    test.skip(`${id} ${title} (${reason})`, run);
  }
}

/** What an agent was told of a call that failed. */
export interface Told {
  readonly code: number;
  readonly delivery: "not_sent" | "refused" | "unknown" | "answered" | undefined;
  readonly retryable: boolean | undefined;
  readonly reason: string | undefined;
  readonly retryAfterMs?: number;
}

/** The error that a request was answered with: one of ours, and the only answer. */
export function failureOf(answered: Answered): Told {
  const error = onlyAnswer(answered).error as { code: number; data?: { gateway?: Partial<Told> } } | undefined;
  const { delivery, retryable, reason, retryAfterMs } = error?.data?.gateway ?? {};
  expect(error, answered.raw).toBeDefined();
  return { code: error!.code, delivery, retryable, reason, ...(retryAfterMs !== undefined && { retryAfterMs }) };
}

/** The result that a request was answered with, and the only answer. */
export function resultOf(answered: Answered): Record<string, unknown> {
  const { result } = onlyAnswer(answered);
  expect(result, answered.raw).toBeDefined();
  return result!;
}

/** Exactly one JSON-RPC response came, whatever came before it. */
function onlyAnswer({ raw, message, status }: Answered) {
  const all = raw.split("\n").flatMap(line => parse(line) ?? []);
  expect(
    all.filter(({ method }) => method === undefined),
    raw,
  ).toHaveLength(1);
  // Clients read the bodies of errors only with 200; a line has no status.
  expect([0, 200]).toContain(status);
  return message!;
}

/** The one line that the log has of the call with this nonce, with all that every line must say. */
export async function loggedOf(
  { logLines }: Pick<GatewayRun, "logLines">,
  nonce: string,
  tool?: string,
): Promise<Json> {
  const ours = () =>
    logLines().filter(({ request, target }) => {
      const isIts = tool === undefined || target === tool;
      return isIts && JSON.stringify(request ?? "").includes(`"nonce":"${nonce}"`);
    });
  expect(await poll(() => ours().length > 0), `a line for ${nonce}`).toBe(true);
  const lines = ours();
  expect(lines, JSON.stringify(lines)).toHaveLength(1);
  expect(lines[0]).toMatchObject({
    ...{ event: "call", ts: expect.any(String), mono: expect.any(Number), ms: expect.any(Number) },
    ...{ agent: expect.any(String), principal: expect.any(String), method: "tools/call", target: expect.any(String) },
    ...{ upstream: expect.any(String), attempts: expect.any(Number), outcome: expect.any(String) },
    ...{ bytesIn: expect.any(Number), bytesOut: expect.any(Number) },
  });
  return lines[0]!;
}

/** How the log calls what an agent was told. */
const DELIVERIES: Readonly<Record<NonNullable<Told["delivery"]>, RegExp>> = {
  not_sent: /^\w+ \(not_sent\): ./,
  refused: /^\w+ \(refused\): ./,
  unknown: /^\w+ \((sent_unknown|partial)\): ./,
  answered: /^\w+ \(answered\): ./,
};

/** The log says of the call with this nonce what its agent was told, and by whose fault. */
export async function expectLogged(
  gateway: Pick<GatewayRun, "logLines">,
  nonce: string,
  told: Partial<Told> & { readonly upstream: string; readonly tool?: string },
): Promise<void> {
  const { outcome, reason, upstream } = await loggedOf(gateway, nonce, told.tool);
  expect([outcome, upstream]).toEqual(["failed", told.upstream]);
  expect(reason).toMatch(DELIVERIES[told.delivery ?? "unknown"]);
}

/** Memory that a process has resident now, and the most it ever had, in MiB. */
export function memoryOf(pid: number): { readonly nowMb: number; readonly peakMb: number } {
  const text = readFileSync(`/proc/${pid}/status`, "utf8");
  const read = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(text)?.[1]) / 1024;
  return { nowMb: read("VmRSS"), peakMb: read("VmHWM") };
}
