import { expect, test } from "vitest";
import { Payload } from "../../core/payload.ts";
import { modernUpstream } from "../../wire/modern.ts";
import { QUESTIONS } from "../../wire/questions.ts";
import { attemptOf } from "./attempt.ts";

const ERA = modernUpstream({ name: "gateway", version: "0" });

function asking(questions: number, bytes = 0) {
  const params = { text: "x".repeat(bytes) };
  const keys = Array.from({ length: questions }, (_, at) => [`q${at}`, { method: "roots/list", params }]);
  const result = Payload.of({ resultType: "input_required", inputRequests: Object.fromEntries(keys) });
  return attemptOf({ kind: "result", result }, ERA, { method: "tools/call", capabilities: Payload.of({ roots: {} }) });
}

test("an upstream may ask as much in a result as by requests of its own, and no more", () => {
  expect(asking(QUESTIONS.max)).toMatchObject({ kind: "asks" });
  for (const tooMuch of [asking(QUESTIONS.max + 1), asking(1, QUESTIONS.maxBytes)]) {
    expect(tooMuch).toMatchObject({
      ...{ kind: "failed", fault: "protocol_error", delivery: "answered" },
      detail: expect.stringContaining(`more than ${QUESTIONS.max} questions`),
    });
  }
});
