import { expect, it } from "vitest";
import { UPSTREAM_SCHEMAS } from "../../config/schema.ts";
import { callOf, holder } from "../../core/route.fixture.ts";
import { createSchedule } from "./schedule.ts";

const only = holder("only");
const timesOf = (table: object, method = "tools/call") => {
  const limits = createSchedule(
    UPSTREAM_SCHEMAS.http.parse({ name: "u", transport: "http", url: "http://h/", ...table }),
  );
  const { timeoutMs, maxTimeoutMs, attemptMs } = limits(callOf([only], { method }), only);
  return [timeoutMs, maxTimeoutMs, attemptMs];
};

it("gives a tool as long as its agent waits, and everything else a minute", () => {
  expect(timesOf({})).toEqual([Infinity, Infinity, 30_000]);
  for (const method of ["resources/read", "prompts/get", "completion/complete", "tasks/get"]) {
    expect(timesOf({}, method)).toEqual([60_000, Infinity, 30_000]);
  }
});

it("gives what an operator has set, a tool its own, and nothing more than the most", () => {
  expect(timesOf({ timeout: 5, attempt_timeout: 2 })).toEqual([5_000, Infinity, 2_000]);
  expect(timesOf({ timeout: 5 }, "resources/read")).toEqual([5_000, Infinity, 30_000]);
  expect(timesOf({ timeout: 5, tool_timeouts: { tool: 900 } })).toEqual([900_000, Infinity, 30_000]);
  expect(timesOf({ tool_timeouts: { tool: 900 }, max_timeout: 600 })).toEqual([600_000, 600_000, 30_000]);
  expect(timesOf({ max_timeout: 30 }, "prompts/get")).toEqual([30_000, 30_000, 30_000]);
});
