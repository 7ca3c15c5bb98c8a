import { describe, expect, it } from "vitest";
import { manualClock } from "../../../test/fixtures/manual-clock.ts";
import { Aborter, aborted } from "../../core/signal.ts";
import type { Opened } from "../connection/connector.ts";
import { inTime } from "./in-time.ts";

const never = new Promise<Opened>(() => {});

function setUp() {
  const clock = manualClock();
  const agent = new Aborter();
  return { clock, agent, call: { signal: agent.signal } };
}

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
    const opened = inTime(never, { clock, timeoutMs: 1_000, signal: aborted() });
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
