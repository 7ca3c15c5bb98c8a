import { describe, expect, test } from "vitest";
import { Payload } from "../core/payload.ts";
import {
  capabilityNames,
  lacking,
  phrase,
  type Question,
  questionsOf,
  questionText,
  withoutCapability,
} from "./questions.ts";
import type { LegacyVersion } from "./versions.ts";

const question = (method: string, params: object = {}): Question => ({ method, params: Payload.of(params) });
const url = question("elicitation/create", { mode: "url", url: "https://a.example", message: "Go" });
const form = question("elicitation/create", { mode: "form", message: "Say", requestedSchema: { type: "object" } });
const sampling = question("sampling/createMessage", { messages: [], maxTokens: 1, includeContext: "allServers" });
const tools = question("sampling/createMessage", { messages: [], maxTokens: 1, tools: [] });

const missing = (asked: Question, capabilities: object) => {
  const required = lacking([asked], Payload.of(capabilities));
  return required && capabilityNames(required);
};

describe("what an agent must have declared", () => {
  test.each([
    ["a form", form, { elicitation: {} }, undefined],
    ["a form", form, { elicitation: { form: {}, url: {} } }, undefined],
    ["a form", form, { elicitation: { url: {} } }, "elicitation.form"],
    ["a form", form, {}, "elicitation.form"],
    ["a URL", url, { elicitation: {} }, "elicitation.url"],
    ["a URL", url, { elicitation: { url: {} } }, undefined],
    ["sampling", sampling, { sampling: {} }, undefined],
    ["sampling with tools", tools, { sampling: {} }, "sampling.tools"],
    ["sampling with tools", tools, { sampling: { tools: {} } }, undefined],
    ["roots", question("roots/list"), { sampling: {} }, "roots"],
    ["what nobody knows", question("no/such"), {}, "no/such"],
  ])("for %s is known (%#)", (_name, asked, capabilities, expected) => {
    expect(missing(asked, capabilities)).toBe(expected);
  });

  test("is named once for several questions", () => {
    expect(lacking([url, form, tools], Payload.of({ roots: {} }))?.value()).toEqual({
      elicitation: { url: {}, form: {} },
      sampling: { tools: {} },
    });
  });
});

describe("a question", () => {
  const to = (version: LegacyVersion, capabilities: object = {}) => ({
    version,
    capabilities: Payload.of(capabilities),
    elicitationId: (native = "new") => `ours of ${native}`,
  });
  const asked = (phrased: ReturnType<typeof phrase>) => phrased.kind === "ask" && phrased.question.params?.value();

  test("to open a URL gets an id of ours, which an upstream's own one goes into", () => {
    expect(asked(phrase(url, to("2025-11-25")))).toMatchObject({ mode: "url", elicitationId: "ours of new" });
    const own = { method: url.method, params: url.params?.with({ elicitationId: '"theirs"' }) };
    expect(asked(phrase(own, to("2025-11-25")))).toMatchObject({ elicitationId: "ours of theirs" });
  });

  test("to open a URL is declined for an agent whose revision has none", () => {
    const phrased = phrase(url, to("2025-06-18"));
    expect(phrased.kind === "answered" && phrased.result.value()).toEqual({ action: "decline" });
  });

  test("for a form does not name its mode where there is only one", () => {
    expect(asked(phrase(form, to("2025-06-18")))).not.toHaveProperty("mode");
    expect(asked(phrase(form, to("2025-11-25")))).toHaveProperty("mode", "form");
  });

  test("for a completion asks for context only where the agent has declared it", () => {
    expect(asked(phrase(sampling, to("2025-11-25", { sampling: {} })))).not.toHaveProperty("includeContext");
    expect(asked(phrase(sampling, to("2025-11-25", { sampling: { context: {} } })))).toHaveProperty("includeContext");
    expect(asked(phrase(sampling, to("2024-11-05", { sampling: {} })))).toHaveProperty("includeContext");
  });

  test("is written as a request, without empty parameters", () => {
    expect(JSON.parse(questionText("a", question("roots/list")).toString())).toEqual({
      jsonrpc: "2.0",
      id: "a",
      method: "roots/list",
    });
    expect(JSON.parse(questionText("b", form).toString()).params.message).toBe("Say");
  });

  test("is read from the questions of a round, whatever lies beside it", () => {
    const round = Payload.of({ a: { method: "roots/list" }, b: 1 });
    expect(questionsOf(round).map(([key, { method }]) => [key, method])).toEqual([["a", "roots/list"]]);
  });
});

test("a tool call that cannot be asked for ends in a failed result, others in an error", () => {
  const required = Payload.of({ elicitation: { url: {} } });
  const call = withoutCapability("tools/call", required);
  expect(call.kind === "result" && call.result.value()).toMatchObject({ isError: true });
  const read = withoutCapability("resources/read", required);
  expect(read.kind === "error" && read.error.error.value()).toMatchObject({
    code: -32603,
    data: { requiredCapabilities: { elicitation: { url: {} } } },
  });
});
