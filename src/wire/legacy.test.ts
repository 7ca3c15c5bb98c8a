import { describe, expect, it } from "vitest";
import { Payload } from "../core/payload.ts";
import { legacyAgent, legacyUpstream } from "./legacy.ts";
import { META } from "./versions.ts";

const plain = {
  ...{ method: "tools/call", progressToken: undefined, logLevel: undefined, definition: undefined },
  ...{ capabilities: Payload.of({}), input: undefined },
};

describe("a request to a legacy upstream", () => {
  it("loses what only modern requests carry", () => {
    const params = Payload.of({ name: "t", _meta: { [META.protocolVersion]: "2026-07-28", trace: "x" } });
    expect(legacyUpstream.request({ ...plain, params }, "2025-11-25").params.value()).toEqual({
      name: "t",
      _meta: { trace: "x" },
    });
  });

  it("has no empty _meta left over", () => {
    const params = Payload.of({ name: "t", _meta: { [META.clientCapabilities]: {} } });
    expect(legacyUpstream.request({ ...plain, params }, "2025-11-25").params.bytes.toString()).toBe('{"name":"t"}');
  });

  it("carries our progress token in place of the agent's", () => {
    const params = Payload.of({ name: "t", _meta: { progressToken: "theirs" } });
    const sent = legacyUpstream.request({ ...plain, params, progressToken: 7 }, "2025-11-25");
    expect(sent.params.value()).toEqual({ name: "t", _meta: { progressToken: 7 } });
  });
});

describe("a result for a legacy agent", () => {
  const about = { method: "tools/call", definition: undefined };

  it("is passed on as it is when it comes from a legacy upstream", () => {
    const native = Payload.parse('{"content":[],"ttlMs":5}');
    expect(legacyAgent.result(native, about)).toBe(native);
  });

  it("loses the members of modern results, on which strict clients throw", () => {
    const modern = Payload.of({ resultType: "complete", ttlMs: 1, cacheScope: "public", content: [] });
    expect(legacyAgent.result(modern, about).value()).toEqual({ content: [] });
  });

  it("has its structured content wrapped exactly where the tool's output schema was", () => {
    const definition = Payload.of({
      name: "n",
      outputSchema: { type: "array", items: { $ref: "#/$defs/x" }, $defs: { x: {} } },
    });
    expect(legacyAgent.definition(definition).object("outputSchema")?.value()).toEqual({
      type: "object",
      properties: { result: { type: "array", items: { $ref: "#/properties/result/$defs/x" }, $defs: { x: {} } } },
      required: ["result"],
    });
    const result = Payload.of({ content: [], structuredContent: [1, 2] });
    expect(legacyAgent.result(result, { ...about, definition }).value()).toEqual({
      content: [],
      structuredContent: { result: [1, 2] },
    });
  });

  it("has structured content of a newer server wrapped that is no object, also where no schema is listed for it", () => {
    const newer = (structuredContent: unknown) =>
      Payload.of({ resultType: "complete", content: [], structuredContent });
    expect(legacyAgent.result(newer([1]), about).value()).toMatchObject({ structuredContent: { result: [1] } });
    expect(legacyAgent.result(newer({ a: 1 }), about).value()).toMatchObject({ structuredContent: { a: 1 } });
    const older = Payload.of({ content: [], structuredContent: [1] });
    expect(legacyAgent.result(older, about)).toBe(older);
  });

  it("leaves an output schema alone that is an object", () => {
    const definition = Payload.of({ name: "n", outputSchema: { type: "object" } });
    expect(legacyAgent.definition(definition)).toBe(definition);
  });
});
