import { expect, test } from "vitest";
import { Payload } from "../core/payload.ts";
import { modernUpstream } from "../wire/modern.ts";
import { MAX_QUESTIONS } from "../wire/upstream-questions.ts";
import { attemptOf } from "./attempt.ts";

const ERA = modernUpstream({ name: "gateway", version: "0" });

function asking(questions: number) {
  const keys = Array.from({ length: questions }, (_, at) => [`q${at}`, { method: "roots/list" }]);
  const result = Payload.of({ resultType: "input_required", inputRequests: Object.fromEntries(keys) });
  return attemptOf({ kind: "result", result }, ERA, { method: "tools/call", capabilities: Payload.of({ roots: {} }) });
}

test("an upstream may ask as much in a result as by requests of its own, and no more", () => {
  expect(asking(MAX_QUESTIONS)).toMatchObject({ kind: "asks" });
  expect(asking(MAX_QUESTIONS + 1)).toMatchObject({
    ...{ kind: "failed", fault: "protocol_error", delivery: "answered" },
    detail: expect.stringContaining(`more than ${MAX_QUESTIONS} questions`),
  });
});
