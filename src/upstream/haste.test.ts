import { describe, expect, it } from "vitest";
import { manualClock } from "../../test/fixtures/manual-clock.ts";
import type { Call } from "../core/call.ts";
import { Payload } from "../core/payload.ts";
import type { LinkAttempt } from "./attempt.ts";
import type { Opened } from "./connector.ts";
import { giveUpEarly, inTime } from "./haste.ts";

const NOTICE = { method: "notifications/progress", params: Payload.of({}) };
const never = new Promise<Opened>(() => {});

function setUp() {
  const clock = manualClock();
  const agent = new AbortController();
  const told: unknown[] = [];
  const call = { signal: agent.signal, notify: notice => void told.push(notice) } as Partial<Call> as Call;
  /** A request that ends only when it is given up. */
  const hangs = (hasty: Call): Promise<LinkAttempt> =>
    new Promise(resolve => {
      hasty.signal.addEventListener("abort", () =>
        resolve({ kind: "failed", fault: "cancelled", delivery: "sent_unknown", detail: "" }),
      );
    });
  return { clock, agent, call, told, hangs };
}

describe("a call that somebody else can take", () => {
  it("is given up after its share of the time, as one that was not answered in time", async () => {
    const { clock, call, hangs } = setUp();
    const attempt = giveUpEarly(clock, 500, call, hangs);
    clock.advance(500);
    expect(await attempt).toMatchObject({ kind: "failed", fault: "timeout", delivery: "sent_unknown" });
    expect(clock.pending).toBe(0);
  });

  it("keeps its whole time once the upstream has shown that it works on it", async () => {
    const { clock, call, told, agent, hangs } = setUp();
    const attempt = giveUpEarly(clock, 500, call, hasty => {
      hasty.notify(NOTICE);
      return hangs(hasty);
    });
    clock.advance(10_000);
    expect(told).toEqual([NOTICE]);
    agent.abort();
    expect(await attempt).toMatchObject({ fault: "cancelled" });
  });

  it("tells whoever fills its stream that the agent is behind", async () => {
    const { clock, call } = setUp();
    const behind = { caughtUp: () => {} };
    let room: unknown;
    await giveUpEarly(clock, 500, { ...call, notify: () => behind }, async hasty => {
      room = hasty.notify(NOTICE);
      return { kind: "done", result: NOTICE.params };
    });
    expect(room).toBe(behind);
  });

  it("is cancelled when its agent leaves", async () => {
    const { clock, call, agent, hangs } = setUp();
    const attempt = giveUpEarly(clock, 500, call, hangs);
    agent.abort();
    expect(await attempt).toMatchObject({ fault: "cancelled" });
    expect(clock.pending).toBe(0);
  });
});

describe("a link that is being opened", () => {
  it("is waited for no longer than the call has time", async () => {
    const { clock, call } = setUp();
    const opened = inTime(never, { clock, timeoutMs: 1_000, signal: call.signal });
    clock.advance(1_000);
    expect(await opened).toMatchObject({ kind: "failed", fault: "timeout", delivery: "not_sent" });
  });

  it("is not waited for once the agent has left", async () => {
    const { clock, call, agent } = setUp();
    const opened = inTime(never, { clock, timeoutMs: 1_000, signal: call.signal });
    agent.abort();
    expect(await opened).toMatchObject({ kind: "failed", fault: "cancelled", delivery: "not_sent" });
    expect(clock.pending).toBe(0);
  });

  it("is not waited for by a call whose agent had left before", async () => {
    const { clock } = setUp();
    const opened = inTime(never, { clock, timeoutMs: 1_000, signal: AbortSignal.abort() });
    expect(await Promise.race([opened, "waiting"])).toMatchObject({ fault: "cancelled", delivery: "not_sent" });
    expect(clock.pending).toBe(0);
  });

  it("leaves no timer behind when it opens", async () => {
    const { clock, call } = setUp();
    const failed = { kind: "failed", fault: "unreachable", delivery: "not_sent", detail: "" } as const;
    expect(await inTime(Promise.resolve(failed), { clock, timeoutMs: 1_000, signal: call.signal })).toBe(failed);
    expect(clock.pending).toBe(0);
  });
});
