import { afterAll, beforeAll, describe, expect } from "vitest";
import { expectLogged, failureOf, loggedOf, type Need, resultOf, row, type Told } from "./lab.ts";
import { type Kind, type Lab, type Pair, type PairOptions, runsOf, startLab } from "./pair.ts";
import type { RowId } from "./rows.ts";

/** A fault of the first of two replicas that can be switched on and off while everything runs. */
export interface FaultRow {
  readonly id: RowId;
  readonly title: string;
  readonly kinds: readonly Kind[];
  readonly setup?: Pick<PairOptions, "upstream" | "config">;
  readonly needs?: readonly Need[];
  /** Switches the fault on; returns the function that switches it off. */
  inject(pair: Pair): (() => unknown) | Promise<() => unknown>;
  /** What the agent hears of a call that must not run twice. */
  readonly unsafe: Partial<Told>;
  /** What becomes of a call that may run twice: the other replica answers, or what the agent hears. */
  readonly safe?: Partial<Told>;
  /** Holds after the unsafe call, while the fault goes on. */
  after?(pair: Pair, about: { readonly nonce: string; readonly lab: Lab }): Promise<void>;
}

/** Proves every row for each of its kinds, all behind one gateway. */
export function proveRows(rows: readonly FaultRow[]): void {
  let lab: Lab;
  const nameOf = (at: number, kind: Kind): string => `${rows[at]!.id.toLowerCase().replace("-", "")}-${at}-${kind}`;
  beforeAll(async () => {
    lab = await startLab(
      rows.flatMap(({ kinds, setup }, at) => kinds.map(kind => ({ name: nameOf(at, kind), kind, ...setup }))),
    );
  });
  afterAll(() => lab?.close());
  describe.concurrent("one fault behind a gateway of many upstreams", () => {
    for (const [at, about] of rows.entries()) {
      for (const kind of about.kinds) {
        row(about.id, `${about.title} (${kind})`, () => prove(lab, lab.pair(nameOf(at, kind)), about), about.needs);
      }
    }
  });
}

async function prove(lab: Lab, pair: Pair, { inject, unsafe, safe, after }: FaultRow): Promise<void> {
  const { a, b, name } = pair;
  const nonceOf = (word: string): string => `${name}-${word}`;
  await lab.recovered(pair);
  resultOf(await lab.call(pair.unsafe, { nonce: nonceOf("before") }));
  expect(runsOf(nonceOf("before"), a, b)).toEqual([1, 0]);

  const takeBack = await inject(pair);
  if (MAY_HAVE_RUN.has(unsafe.delivery)) {
    expect(failureOf(await lab.call(pair.unsafe, { nonce: nonceOf("unsafe") }))).toMatchObject(unsafe);
    const [onA, onB] = runsOf(nonceOf("unsafe"), a, b);
    expect([onA! <= 1, onB]).toEqual([true, 0]);
  } else {
    expect(failureOf(await lab.callFirst(pair, pair.unsafe, { nonce: nonceOf("alone") }))).toMatchObject(unsafe);
    resultOf(await lab.call(pair.unsafe, { nonce: nonceOf("unsafe") }));
    expect([runsOf(nonceOf("alone"), a, b), runsOf(nonceOf("unsafe"), a, b)]).toEqual([
      [0, 0],
      [0, 1],
    ]);
  }
  const told = MAY_HAVE_RUN.has(unsafe.delivery) ? "unsafe" : "alone";
  await expectLogged(lab.gateway, nonceOf(told), { ...unsafe, upstream: `${name}-a` });
  await after?.(pair, { nonce: nonceOf("unsafe"), lab });

  const again = await lab.call(pair.safe, { a: 1, b: 2, nonce: nonceOf("safe") });
  if (safe) expect(failureOf(again)).toMatchObject(safe);
  else {
    expect(resultOf(again)).toMatchObject({ content: [{ text: "3" }] });
    expect(runsOf(nonceOf("safe"), b)).toEqual([1]);
    // Tried at the first, if that was still thought to be well, and then answered by the other.
    const logged = await loggedOf(lab.gateway, nonceOf("safe"));
    expect(logged).toMatchObject({ outcome: "ok", upstream: `${name}-b` });
    expect(logged.attempts).toBeLessThanOrEqual(2);
  }

  await takeBack();
  await lab.recovered(pair);
  resultOf(await lab.callFirst(pair, pair.unsafe, { nonce: nonceOf("healed") }));
  expect(runsOf(nonceOf("healed"), a, b)).toEqual([1, 0]);
  expect(Math.max(...runsOf(nonceOf("unsafe"), a, b))).toBeLessThanOrEqual(1);
}

const MAY_HAVE_RUN = new Set<Told["delivery"]>(["unknown", "answered"]);
