import { setTimeout as sleep } from "node:timers/promises";
import { ask } from "../../src/app/control/client.ts";
import type { GatewayRun } from "../fixtures/gateway.ts";
import type { Probe } from "../fixtures/probe.ts";
import { slope } from "./samples.ts";

/** What was seen of a gateway's process while it was watched. */
export interface Seen {
  readonly peakMb: number;
  /** MB a minute, of what it took after the first third of the time. */
  readonly mbPerMinute: number;
  readonly stallMs: number;
  /** The longest that `status` took; infinite where it did not answer. */
  readonly statusMs: number;
  /** The text of the last status. */
  readonly status: string;
}

const MB = 2 ** 20;
const EVERY_MS = 1_000;
const STATUS_EVERY = 5;

/** Looks at it once a second until the returned function is called. */
export function watchVitals(
  { gateway, probe }: { gateway: GatewayRun; probe: Probe },
  log: (text: string) => void,
): () => Promise<Seen> {
  const from = performance.now();
  const points: [number, number][] = [];
  let [stallMs, statusMs, status, goes] = [0, 0, "", true];

  async function askStatus(): Promise<void> {
    const asked = performance.now();
    const answer = await ask(gateway.socket, { op: "status" });
    if (answer.kind === "answer") status = answer.result.bytes.toString("utf8");
    statusMs = Math.max(statusMs, answer.kind === "answer" ? performance.now() - asked : Number.POSITIVE_INFINITY);
  }

  const watching = (async () => {
    let cpuBefore = (await probe.ask({ resets: true })).cpuMs;
    for (let turn = 1; goes; turn++) {
      await sleep(EVERY_MS);
      const vitals = await probe.ask({ resets: true });
      points.push([(performance.now() - from) / 60_000, vitals.rss / MB]);
      stallMs = Math.max(stallMs, vitals.stallMs);
      const figures = [
        `${(vitals.rss / MB).toFixed(0)} MB`,
        `heap ${(vitals.heapUsed / MB).toFixed(0)} MB`,
        `cpu ${(vitals.cpuMs - cpuBefore).toFixed(0)} ms`,
        `stall ${vitals.stallMs.toFixed(0)} ms`,
      ];
      log(figures.join(", "));
      cpuBefore = vitals.cpuMs;
      if (turn % STATUS_EVERY === 0) await askStatus();
    }
  })();
  return async () => {
    goes = false;
    await watching;
    return {
      ...{ stallMs, statusMs, status },
      peakMb: Math.max(0, ...points.map(([, mb]) => mb)),
      mbPerMinute: slope(points.slice(Math.floor(points.length / 3))),
    };
  };
}
