import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Payload } from "./payload.ts";
import { contentUris, referencesIn } from "./references.ts";
import { UPSTREAM_TEXT } from "./scan-limits.ts";

const found = (value: unknown, most = 100): string[] =>
  referencesIn(Payload.parse(JSON.stringify(value), UPSTREAM_TEXT), most);
const scanned = (text: string): Payload => Payload.parse(text, UPSTREAM_TEXT);
const link = (uri: unknown) => ({ type: "resource_link", uri, name: "a link" });
const embedded = (uri: unknown) => ({ type: "resource", resource: { text: "a", uri } });

describe("the URIs that a result refers to", () => {
  test("are those of links and of embedded resources, in any order of members", () => {
    expect(found({ content: [{ type: "text", text: "x" }, link("a://1"), embedded("a://2")] })).toEqual([
      "a://1",
      "a://2",
    ]);
    expect(found({ content: [{ resource: { uri: "a://3" }, type: "resource" }] })).toEqual(["a://3"]);
    expect(
      found({ content: [{ uri: "a://4", annotations: { type: "x", uri: "no://1" }, type: "resource_link" }] }),
    ).toEqual(["a://4"]);
  });

  test("are found wherever they are: in messages, in results of tools within them, in structured content", () => {
    const nested = { role: "user", content: [{ type: "tool_result", content: [link("a://1"), [embedded("a://2")]] }] };
    expect(found({ messages: [{ role: "user", content: link("a://0") }, nested] })).toEqual([
      "a://0",
      "a://1",
      "a://2",
    ]);
    expect(
      found({ structuredContent: { files: [link("a://3")] }, task: { result: { content: [link("a://4")] } } }),
    ).toEqual(["a://3", "a://4"]);
  });

  test.each([
    ["a text that quotes a link", { content: [{ type: "text", text: JSON.stringify(link("a://1")) }] }],
    ["a link without a URI", { content: [{ type: "resource_link", name: "uri" }] }],
    ["a URI that is no string", { content: [link({ uri: "a://1" }), link(["a://1"]), link(7)] }],
    ["an embedded resource that is none", { content: [{ type: "resource", resource: ["a://1"] }] }],
    ["an array where a type should be", { content: [{ type: ["resource_link"], uri: "a://1" }] }],
    [
      "another type",
      {
        content: [
          { type: "resource_links", uri: "a://1" },
          { kind: "resource_link", uri: "a://2" },
        ],
      },
    ],
    ["a URI that is too long", { content: [link(`a://${"x".repeat(2_048)}`)] }],
    ["words that only begin alike", { resources: [{ uri: "a://1" }], resource_id: "a://2" }],
  ])("are not in %s", (_what, value) => {
    expect(found(value)).toEqual([]);
  });

  test("are unescaped", () => {
    expect(referencesIn(scanned('{"c":{"type":"resource_link","uri":"a:\\/\\/\\u0041\\"\\\\"}}'), 9)).toEqual([
      'a://A"\\',
    ]);
  });

  test("are no more than were asked for", () => {
    expect(found({ content: Array.from({ length: 50 }, (_, at) => link(`a://${at}`)) }, 10)).toHaveLength(10);
  });

  test("are found after any number of words that begin alike", () => {
    const keys = Object.fromEntries(Array.from({ length: 40 }, (_, at) => [`resources${at}`, at]));
    expect(found({ ...keys, content: [link("a://1")] })).toEqual(["a://1"]);
  });

  test("are those that a parser finds, whatever the JSON", () => {
    const word = fc.constantFrom("type", "uri", "resource", "resource_link", "a://1", 'a"\\', "text", "content");
    const json = fc.letrec(tie => ({
      value: fc.oneof({ maxDepth: 5 }, word, fc.integer(), tie("array"), tie("object"), tie("link")),
      array: fc.array(tie("value"), { maxLength: 4 }),
      object: fc.dictionary(word, tie("value"), { maxKeys: 4 }),
      link: fc.record({ type: fc.constantFrom("resource", "resource_link"), uri: word, resource: tie("object") }),
    })).object;
    fc.assert(
      fc.property(json, value => {
        expect(found(value, 1e6).toSorted()).toEqual(parsed(value).toSorted());
      }),
    );
  });
});

function parsed(value: unknown): string[] {
  if (typeof value !== "object" || value === null) return [];
  const inner = Object.values(value).flatMap(parsed);
  const { type, uri, resource } = value as Record<string, unknown>;
  const named =
    type === "resource_link" ? uri : type === "resource" ? (resource as { uri?: unknown } | undefined)?.uri : [];
  return typeof named === "string" && !Array.isArray(value) ? [...inner, named] : inner;
}

test("what was read has the URIs of all its contents", () => {
  const read = Payload.of({ contents: [{ uri: "a://1", text: "" }, "odd", { uri: 7 }, { uri: "a://2", blob: "" }] });
  expect(contentUris(read, 100)).toEqual(["a://1", "a://2"]);
  expect(contentUris(Payload.of({}), 100)).toEqual([]);
});
