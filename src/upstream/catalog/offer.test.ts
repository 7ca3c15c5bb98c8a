import { describe, expect, it, test } from "vitest";
import { upstreamName } from "../../core/names.ts";
import { Payload } from "../../core/payload.ts";
import { Aborter } from "../../core/signal.ts";
import type { Link } from "../conversation/link.ts";
import { fetchOffer } from "./offer.ts";

test("of a list with more entries than anybody needs the rest is left out, and that is said", async () => {
  const page = Payload.of({ tools: Array.from({ length: 15_000 }, () => ({})), nextCursor: "more" });
  let asked = 0;
  const link = {
    capabilities: Payload.of({ tools: {} }),
    era: { emptyCursorEnds: true },
    ask: async () => {
      asked++;
      return { kind: "result", result: page.with({ nextCursor: JSON.stringify(`${asked}`) }) };
    },
  } as unknown as Link;
  const found = await fetchOffer(link, { upstream: upstreamName("a"), signal: new Aborter().signal });
  expect(found).toMatchObject({
    problems: ["tools/list has more than 20000 entries; the rest was left out"],
  });
  expect([found.kind === "offer" && found.offer.definitions.tool.length, asked]).toEqual([20_000, 2]);
});

type Answers = Readonly<Record<string, (cursor: unknown) => object | "silence">>;

/** A link whose upstream declares that, and answers lists as it is told; it does not know any other. */
function linkOf(capabilities: object, answers: Answers, emptyCursorEnds = true) {
  const asked: string[] = [];
  const link = {
    ...{ capabilities: Payload.of(capabilities), era: { emptyCursorEnds } },
    ask: async (method: string, params: Payload) => {
      asked.push(`${method}${params.has("cursor") ? ` ${params.raw("cursor")}` : ""}`);
      const answer = answers[method]?.(params.value().cursor);
      if (answer === "silence") return { kind: "failed", fault: "timeout", detail: "no answer in time" };
      return answer
        ? { kind: "result", result: Payload.of(answer) }
        : { kind: "error", error: Payload.of({ code: -32601, message: "Method not found" }) };
    },
  } as unknown as Link;
  return { link, asked };
}

async function offerOf(link: Link) {
  const found = await fetchOffer(link, { upstream: upstreamName("a"), signal: new Aborter().signal });
  if (found.kind === "failed") throw new Error(found.detail);
  const { offer, problems, notes } = found;
  return { tools: offer.definitions.tool.map(tool => tool.string("name")), offer, problems, notes };
}

describe("a list that is empty", () => {
  it.each([{ tools: null }, { tools: [] }, {}, { tools: null, nextCursor: null }])("is written as %j", async page => {
    const { link } = linkOf({ tools: {} }, { "tools/list": () => page });
    expect(await offerOf(link)).toMatchObject({ tools: [], problems: [], notes: [] });
  });

  it.each([{ tools: {} }, { tools: "x" }, { tools: 0 }])("is not %j", async page => {
    const { link } = linkOf({ tools: {} }, { "tools/list": () => page, "prompts/list": () => ({}) });
    expect(await fetchOffer(link, { upstream: upstreamName("a"), signal: new Aborter().signal })).toEqual({
      kind: "failed",
      detail: 'tools/list answered without a list in "tools"',
    });
  });
});

describe("a next cursor", () => {
  const page = { tools: [{ name: "one" }], nextCursor: "" };

  it("of nothing is the end of the list where the revision has no such cursor", async () => {
    const { link, asked } = linkOf({ tools: {} }, { "tools/list": () => page });
    expect(await offerOf(link)).toMatchObject({ tools: ["one"], problems: [] });
    expect(asked).toEqual(["tools/list"]);
  });

  it("of nothing is followed where the revision has it, until the same page comes again", async () => {
    const again = linkOf({ tools: {} }, { "tools/list": () => page }, false);
    expect(await offerOf(again.link)).toMatchObject({ tools: ["one"], problems: [] });
    expect(again.asked).toEqual(["tools/list", 'tools/list ""']);
    const further = { "tools/list": (cursor: unknown) => (cursor === "" ? { tools: [{ name: "two" }] } : page) };
    expect(await offerOf(linkOf({ tools: {} }, further, false).link)).toMatchObject({ tools: ["one", "two"] });
  });

  it("that is no text ends the list with a word about it", async () => {
    const { link } = linkOf({ tools: {} }, { "tools/list": () => ({ ...page, nextCursor: 7 }) });
    expect(await offerOf(link)).toMatchObject({
      tools: ["one"],
      problems: ["tools/list has a nextCursor that is no text; its pages were cut there"],
    });
  });
});

describe("tools that an upstream does not declare", () => {
  const listed = { "tools/list": () => ({ tools: [{ name: "one" }] }) };

  it("are used, and declared for it, when it lists them", async () => {
    for (const declared of [{}, { prompts: {} }]) {
      const { tools, offer, notes } = await offerOf(linkOf(declared, listed).link);
      expect([tools, offer.capabilities.value(), notes]).toEqual([["one"], { ...declared, tools: {} }, []]);
    }
  });

  it("are none when it does not know them, lists none or says nothing, and that is told as no trouble", async () => {
    const notes = async (answers: Answers) => {
      const found = await offerOf(linkOf({}, answers).link);
      expect(found).toMatchObject({ tools: [], problems: [] });
      return found.notes;
    };
    expect(await notes({})).toEqual(["it declares no tools, and it knows no tools/list"]);
    expect(await notes({ "tools/list": () => ({ tools: [] }) })).toEqual([
      "it declares no tools, and its list of tools is empty",
    ]);
    expect(await notes({ "tools/list": () => "silence" })).toEqual([
      "it declares no tools, and tools/list failed: no answer in time",
    ]);
  });

  it("are asked for beside everything that can be listed where it declares nothing, and alone elsewhere", async () => {
    const nothing = linkOf({}, listed);
    await offerOf(nothing.link);
    expect(nothing.asked.sort()).toEqual(["prompts/list", "resources/list", "resources/templates/list", "tools/list"]);
    const some = linkOf({ tools: {} }, listed);
    await offerOf(some.link);
    expect(some.asked).toEqual(["tools/list"]);
  });
});
