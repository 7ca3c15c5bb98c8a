import { describe, expect, it } from "vitest";
import { Payload } from "../core/payload.ts";
import { openingCapabilities, shownCapabilities, withoutRootsNews } from "./capabilities.ts";
import {
  canBeAsked,
  demandedElicitations,
  elicitationIdOf,
  questionFor,
  withElicitationId,
} from "./upstream-questions.ts";

const shown = (declared: object) => shownCapabilities(Payload.of(declared)).bytes.toString();

describe("the capabilities that an upstream is shown", () => {
  it("are what can be brought to the agent, in one order", () => {
    const declared = {
      elicitation: { url: {}, form: {}, x: {} },
      roots: { listChanged: true },
      sampling: { tools: {} },
      y: {},
    };
    expect(shown(declared)).toBe('{"roots":{},"sampling":{"tools":{}},"elicitation":{"form":{},"url":{}}}');
    expect(shown({ sampling: { tools: {} }, roots: {}, elicitation: { form: {}, url: {} } })).toBe(shown(declared));
  });

  it("are none where the agent's are no objects", () => {
    expect(shown({ roots: true, sampling: null, elicitation: [], extensions: { a: 1 } })).toBe("{}");
  });

  it("say that roots change only where there is a word for it, to whoever can be told", () => {
    const declared = Payload.of({ roots: { listChanged: true }, sampling: {} });
    expect(openingCapabilities(declared).value()).toEqual({ roots: { listChanged: true }, sampling: {} });
    expect(openingCapabilities(Payload.of({ roots: { listChanged: "yes" } })).value()).toEqual({ roots: {} });
    expect(withoutRootsNews(declared).value()).toEqual({ roots: {}, sampling: {} });
    const plain = Payload.of({ roots: {} });
    expect(withoutRootsNews(plain)).toBe(plain);
  });

  it("leave tasks out where they are said once and for all", () => {
    const declared = Payload.of({ extensions: { "io.modelcontextprotocol/tasks": {} }, roots: {} });
    expect(openingCapabilities(declared).value()).toEqual({ roots: {} });
    expect(canBeAsked(Payload.of({ extensions: { a: {} } }))).toBe(false);
  });
});

describe("a request of an upstream", () => {
  const put = (method: string, params: object | undefined, declared: object) => {
    const demand = questionFor(method, params && Payload.of(params), Payload.of(declared));
    return demand.kind === "questions" ? demand.questions.value() : demand.error.code;
  };

  it("becomes a question as it came, in the newer terms", () => {
    const sampling = { messages: [], maxTokens: 1, later: 1 };
    expect(put("sampling/createMessage", sampling, { sampling: {} })).toEqual({
      method: "sampling/createMessage",
      params: sampling,
    });
    expect(put("roots/list", undefined, { roots: {} })).toEqual({ method: "roots/list" });
    const form = { message: "m", requestedSchema: {} };
    expect(put("elicitation/create", form, { elicitation: {} })).toEqual({
      method: "elicitation/create",
      params: { ...form, mode: "form" },
    });
    const url = { mode: "url", url: "https://x", message: "m" };
    expect(put("elicitation/create", { ...url, elicitationId: "1" }, { elicitation: { url: {} } })).toEqual({
      method: "elicitation/create",
      params: { ...url, elicitationId: "1" },
    });
  });

  it("names an elicitation to its agent by an id that no other upstream could have given", () => {
    const of = (upstream: string, elicitationId: string) =>
      withElicitationId(upstream, Payload.of({ elicitationId, more: 1 })).value<{ elicitationId: string }>();
    expect(of("a", "1")).toEqual({ elicitationId: elicitationIdOf("a", "1"), more: 1 });
    expect(new Set([of("a", "1"), of("b", "1"), of("a", "2")].map(one => one.elicitationId)).size).toBe(3);
    const plain = Payload.of({ mode: "form" });
    expect(withElicitationId("a", plain)).toBe(plain);
  });

  it.each([
    ["sampling/createMessage", { messages: [] }, { roots: {} }, -32601],
    ["sampling/createMessage", { messages: [], tools: [] }, { sampling: {} }, -32602],
    ["elicitation/create", { mode: "url" }, { elicitation: {} }, -32602],
    ["elicitation/create", {}, { elicitation: { url: {} } }, -32602],
    ["elicitation/create", {}, {}, -32601],
    ["tools/call", {}, { tools: {} }, -32601],
  ])("%s with %j is refused to an agent that declared %j", (method, params, declared, code) => {
    expect(put(method, params, declared)).toBe(code);
  });
});

describe("an error", () => {
  const able = Payload.of({ elicitation: { url: {} } });
  it.each([
    { code: -32042, message: "" },
    { code: -32042, message: "", data: { elicitations: [] } },
    { code: -32000, message: "", data: { elicitations: [{ url: "x" }] } },
  ])("that demands no elicitation is just an error: %j", error => {
    expect(demandedElicitations(Payload.of(error), able)).toBeUndefined();
  });

  it("is passed on as it is when it demands more than anybody answers", () => {
    const demanding = (count: number) =>
      Payload.of({ code: -32042, message: "x", data: { elicitations: Array.from({ length: count }, () => ({})) } });
    expect(demandedElicitations(demanding(32), able)).toMatchObject({ kind: "questions" });
    expect(demandedElicitations(demanding(33), able)).toBeUndefined();
  });
});
