import { describe, expect, it } from "vitest";
import { manualClock } from "../../test/fixtures/manual-clock.ts";
import { createTurns, type Turn, type Turns } from "./turns.ts";

const never = new AbortController().signal;

async function taken(turns: Turns): Promise<Turn> {
  const took = await turns.take({ timeoutMs: 1_000, signal: never });
  if (took.kind !== "go") throw new Error(took.kind);
  return took.turn;
}

describe("turns", () => {
  it("come in the order of asking, one at a time", async () => {
    const turns = createTurns(manualClock());
    const order: string[] = [];
    const take = async (name: string): Promise<Turn> => {
      const turn = await taken(turns);
      order.push(name);
      return turn;
    };
    const a = await take("a");
    const [b, c] = [take("b"), take("c")];
    a.pass();
    const second = await b;
    expect(order).toEqual(["a", "b"]);
    second.pass();
    (await c).pass();
    await take("d");
    expect(order).toEqual(["a", "b", "c", "d"]);
  });

  it("are given up by whoever has waited too long or is gone, and pass them by", async () => {
    const clock = manualClock();
    const turns = createTurns(clock);
    const gone = new AbortController();
    const first = await taken(turns);
    const late = turns.take({ timeoutMs: 100, signal: never });
    const cancelled = turns.take({ timeoutMs: 1_000, signal: gone.signal });
    const patient = turns.take({ timeoutMs: 1_000, signal: never });
    clock.advance(100);
    gone.abort();
    expect(await late).toEqual({ kind: "timeout" });
    expect(await cancelled).toEqual({ kind: "cancelled" });
    first.pass();
    expect((await patient).kind).toBe("go");
    expect(await turns.take({ timeoutMs: 1, signal: AbortSignal.abort() })).toEqual({ kind: "cancelled" });
    expect(clock.pending).toBe(0);
  });

  it("can be passed on while their holder waits for somebody, and taken again behind the others", async () => {
    const turns = createTurns(manualClock());
    const parked = await taken(turns);
    const other = taken(turns);
    parked.pass();
    parked.pass();
    const running = await other;
    const again = parked.retake({ timeoutMs: 1_000, signal: never });
    running.pass();
    expect(await again).toBe("go");
    const last = taken(turns);
    parked.pass();
    await last;
  });
});
