import { expect, it } from "vitest";
import { manualClock } from "../../../test/fixtures/manual-clock.ts";
import { ownerId } from "../../core/names.ts";
import { createSuspicion, SUSPICION } from "./log-attribution.ts";

const ann = ownerId("ann");
const bob = ownerId("bob");

it("is sure of an agent that nobody shares the upstream with", () => {
  const suspicion = createSuspicion(manualClock());
  for (let calls = 0; calls < 3; calls++) suspicion.began(ann);
  expect(suspicion.clear).toBe(true);
});

it("is not sure for a while after another agent was served", () => {
  const clock = manualClock();
  const suspicion = createSuspicion(clock);
  suspicion.began(ann);
  suspicion.began(bob);
  expect(suspicion.clear).toBe(false);
  clock.advance(SUSPICION.otherAgentMs);
  suspicion.began(bob);
  expect(suspicion.clear).toBe(true);
});

it("is not sure just after a call was given up", () => {
  const clock = manualClock();
  const suspicion = createSuspicion(clock);
  suspicion.began(ann);
  suspicion.gaveUp();
  expect(suspicion.clear).toBe(false);
  clock.advance(SUSPICION.givenUpMs);
  expect(suspicion.clear).toBe(true);
});
