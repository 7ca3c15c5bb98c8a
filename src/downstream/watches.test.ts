import { expect, test } from "vitest";
import { roomyHolding } from "../../test/fixtures/ledger.ts";
import type { Caller } from "../core/call.ts";
import type { Front } from "../core/front.ts";
import { ANONYMOUS } from "../core/names.fixture.ts";
import { ownerId } from "../core/names.ts";
import { Payload } from "../core/payload.ts";
import { createWatches, WATCHES } from "./watches.ts";

const CALLER: Caller = {
  principal: ANONYMOUS,
  agent: "test",
  owner: ownerId("ann"),
  capabilities: Payload.of({}),
  converses: false,
};

test("an agent may watch so many resources, with names of such a length", async () => {
  let asked = 0;
  const front = {
    async subscribe() {
      asked++;
      return { kind: "open", close: () => {} };
    },
  } as unknown as Front;
  const watches = createWatches({
    front,
    view: { kind: "all" },
    caller: CALLER,
    updated: () => {},
    held: roomyHolding(),
  });
  const uri = "x".repeat(WATCHES.maxUriLength);
  expect(await watches.add(uri)).toMatchObject({ kind: "result" });
  expect(await watches.add(`${uri}x`)).toMatchObject({ kind: "error", error: { code: -32602 } });
  for (let at = 1; at < WATCHES.max; at++) await watches.add(`x:${at}`);
  expect(await watches.add("x:one-too-many")).toMatchObject({ kind: "error", error: { code: -32602 } });
  expect(asked).toBe(WATCHES.max);
});
