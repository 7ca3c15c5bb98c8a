import { describe, expect, it } from "vitest";
import { manualClock } from "../../test/fixtures/manual-clock.ts";
import { createTurns } from "./turns.ts";

const never = new AbortController().signal;

describe("turns", () => {
  it("come in the order of asking, one at a time", async () => {
    const turns = createTurns(manualClock());
    const order: string[] = [];
    const take = (name: string) => turns.take({ timeoutMs: 1_000, signal: never }).then(() => void order.push(name));
    await take("a");
    const [b, c] = [take("b"), take("c")];
    turns.next();
    await b;
    expect(order).toEqual(["a", "b"]);
    turns.next();
    await c;
    turns.next();
    await take("d");
    expect(order).toEqual(["a", "b", "c", "d"]);
  });

  it("are given up by whoever has waited too long or is gone, and pass them by", async () => {
    const clock = manualClock();
    const turns = createTurns(clock);
    const gone = new AbortController();
    await turns.take({ timeoutMs: 1, signal: never });
    const late = turns.take({ timeoutMs: 100, signal: never });
    const cancelled = turns.take({ timeoutMs: 1_000, signal: gone.signal });
    const patient = turns.take({ timeoutMs: 1_000, signal: never });
    clock.advance(100);
    gone.abort();
    expect(await late).toBe("timeout");
    expect(await cancelled).toBe("cancelled");
    turns.next();
    expect(await patient).toBe("go");
    expect(await turns.take({ timeoutMs: 1, signal: AbortSignal.abort() })).toBe("cancelled");
    expect(clock.pending).toBe(0);
  });
});
