import type { LookupFunction } from "node:net";
import { expect, test } from "vitest";
import { manualClock } from "../../../test/fixtures/manual-clock.ts";
import { keepLastGood } from "./lookup.ts";

function setup() {
  const clock = manualClock();
  let answer: string | Error = "192.0.2.1";
  const lookup = keepLastGood(clock, (_name, _options, callback) => {
    if (answer instanceof Error) callback(answer, "", 0);
    else callback(null, answer, 4);
  });
  return {
    clock,
    answer: (next: string | Error) => {
      answer = next;
    },
    look: (name: string, options: Parameters<LookupFunction>[1] = {}) =>
      new Promise((resolve, reject) =>
        lookup(name, options, (error, address) => (error ? reject(error) : resolve(address))),
      ),
  };
}
const UNKNOWN = Object.assign(new Error("not found"), { code: "ENOTFOUND" });

test("a name that cannot be looked up any more keeps its last address for a minute", async () => {
  const { clock, answer, look } = setup();
  expect(await look("a.test")).toBe("192.0.2.1");
  answer(UNKNOWN);
  clock.advance(60_000);
  expect(await look("a.test")).toBe("192.0.2.1");
  clock.advance(1);
  await expect(look("a.test")).rejects.toBe(UNKNOWN);
});

test("a name that was never found has no address, whatever others have", async () => {
  const { answer, look } = setup();
  await look("a.test");
  answer(UNKNOWN);
  await expect(look("b.test")).rejects.toBe(UNKNOWN);
  await expect(look("a.test", { all: true })).rejects.toBe(UNKNOWN);
});

test("a new address is used at once", async () => {
  const { answer, look } = setup();
  await look("a.test");
  answer("192.0.2.2");
  expect(await look("a.test")).toBe("192.0.2.2");
});
