import { describe, expect, test } from "vitest";
import type { Call, Outcome } from "../core/call.ts";
import { type UpstreamName, upstreamName } from "../core/names.ts";
import { bringing, promised } from "../core/pass.fixture.ts";
import { callOf, done } from "./call.fixture.ts";
import { type ReferencesOptions, references } from "./references.ts";

const [a, b] = [upstreamName("a"), upstreamName("b")];
const link = (uri: string) => ({ type: "resource_link", uri, name: "x" });
const UNKNOWN = { kind: "unknown", nearest: [] } as const;

/** Upstreams whose tools answer with these links. */
function setUp(
  serving: ReturnType<ReferencesOptions["serving"]> = [b, a].map(name => ({ name, priority: 1, filters: {} })),
) {
  const seen: Call[] = [];
  let answer: Outcome = done();
  const layer = references({ serving: () => serving });
  const last = bringing((call: Call) => {
    seen.push(call);
    return answer;
  });
  const handle = promised(layer(last));
  return {
    layer,
    async tell(upstream: UpstreamName, result: object, call: Parameters<typeof callOf>[0] = {}) {
      answer = done(result, upstream);
      await handle(callOf(call));
    },
    names: (upstream: UpstreamName, ...uris: string[]) => layer.learn(callOf({}), upstream, uris),
    /** Where a read goes: the upstream, and the URI there. */
    async reads(uri: string, call: Parameters<typeof callOf>[0] = {}): Promise<string> {
      answer = done();
      await handle(callOf({ method: "resources/read", target: uri, subject: UNKNOWN, ...call }));
      const subject = seen.at(-1)?.subject;
      return subject?.kind === "found"
        ? `${subject.entry.holders[0].upstream} ${subject.entry.holders[0].native}`
        : "nobody";
    },
  };
}

describe("a URI that no list has", () => {
  test.each([
    ["tools/call", { content: [link("x://1")] }],
    ["prompts/get", { messages: [{ role: "user", content: link("x://1") }] }],
    [
      "resources/read",
      {
        contents: [
          { uri: "x://0", text: "" },
          { uri: "x://1", text: "" },
        ],
      },
    ],
  ])("is read from the upstream that named it in the result of %s", async (method, result) => {
    const { tell, reads } = setUp();
    expect(await reads("x://1")).toBe("nobody");
    await tell(a, result, { method });
    expect(await reads("x://1")).toBe("a x://1");
  });

  test("is known to nobody but the principal that it was named to", async () => {
    const { tell, reads } = setUp();
    await tell(a, { content: [link("x://1")] }, { who: "ann" });
    expect(await reads("x://1", { who: "bob" })).toBe("nobody");
    expect(await reads("x://1", { who: "ann" })).toBe("a x://1");
  });

  test("stays with whom the catalog knows it of, unless a better one has named it", async () => {
    const { subject } = callOf({});
    const order = (...names: UpstreamName[]) => setUp(names.map(name => ({ name, priority: 1, filters: {} })));
    for (const { names, reads, better } of [
      { ...order(a, b), better: "a echo" },
      { ...order(b, a), better: "b x://1" },
    ]) {
      names(b, "x://1");
      expect(subject && (await reads("x://1", { subject }))).toBe(better);
      expect(subject && (await reads("x://2", { subject }))).toBe("a echo");
    }
  });

  test("stays with whom its beginning names", async () => {
    const { subject } = callOf({});
    const { names, reads } = setUp();
    names(b, "a:x://1", "b:x://2", "x://3");
    expect(subject && (await reads("a:x://1", { subject }))).toBe("a echo");
    expect(subject && (await reads("b:x://2", { subject }))).toBe("b b:x://2");
    expect(subject && (await reads("b:x://3", { subject }))).toBe("b x://3");
  });

  test("goes to the better priority, whoever named it first or last", async () => {
    const { names, reads } = setUp([
      { name: a, priority: 1, filters: {} },
      { name: b, priority: 2, filters: {} },
    ]);
    names(b, "x://1");
    expect(await reads("x://1")).toBe("b x://1");
    names(a, "x://1");
    names(b, "x://1");
    expect(await reads("x://1")).toBe("a x://1");
    expect(await reads("b:x://1")).toBe("b x://1");
  });

  test("goes to the upstream whose name it begins with, before any other", async () => {
    const { names, reads } = setUp();
    names(b, "a:x", "a://y");
    expect(await reads("a:x")).toBe("b a:x");
    names(a, "a:x", "x");
    expect(await reads("a:x")).toBe("a x");
    expect(await reads("a://y")).toBe("b a://y");
  });

  test("goes nowhere when its upstream serves no resources, or is not configured any more", async () => {
    const serving = [{ name: a, priority: 1, filters: {} }];
    const { layer, names, reads } = setUp(serving);
    names(b, "x://1");
    names(a, "x://2");
    expect([await reads("x://1"), await reads("x://2")]).toEqual(["nobody", "a x://2"]);
    layer.keep(new Set([b]));
    expect(await reads("x://2")).toBe("nobody");
    serving.push({ name: b, priority: 1, filters: {} });
    expect(await reads("x://1")).toBe("b x://1");
  });

  test("is not remembered from the view of one upstream, nor in it", async () => {
    const { names, tell, reads } = setUp();
    const view = { kind: "upstream", name: a } as const;
    await tell(a, { content: [link("x://1")] }, { view });
    names(a, "x://2");
    expect([await reads("x://1"), await reads("x://2", { view })]).toEqual(["nobody", "nobody"]);
  });

  test("means nothing to a method that reads nothing", async () => {
    const { names, reads } = setUp();
    names(a, "x://1");
    expect(await reads("x://1", { method: "tools/call" })).toBe("nobody");
  });
});

describe("an upstream that names more than is kept", () => {
  const many = (from: number, count: number) => Array.from({ length: count }, (_, at) => link(`x://${from + at}`));

  test("forgets its own, what was named longest ago first, and no other's", async () => {
    const { names, tell, reads } = setUp();
    names(a, "x://a");
    for (let from = 0; from < 100_000; from += 1_000) await tell(b, { content: many(from, 1_000) });
    expect([await reads("x://0"), await reads("x://98999")]).toEqual(["nobody", "nobody"]);
    expect([await reads("x://99000"), await reads("x://99999")]).toEqual(["b x://99000", "b x://99999"]);
    expect(await reads("x://a")).toBe("a x://a");
  });

  test("has the first thousand of one message heard", async () => {
    const { tell, reads } = setUp();
    await tell(a, { content: many(0, 1_200) });
    expect([await reads("x://0"), await reads("x://999"), await reads("x://1000")]).toEqual([
      "a x://0",
      "a x://999",
      "nobody",
    ]);
  });

  test("keeps what is named again", async () => {
    const { names, reads } = setUp();
    names(a, "x://kept", ...Array.from({ length: 999 }, (_, at) => `x://${at}`));
    names(a, "x://kept");
    names(a, "x://new");
    expect([await reads("x://kept"), await reads("x://0"), await reads("x://1")]).toEqual([
      "a x://kept",
      "nobody",
      "a x://1",
    ]);
  });

  test("has no more than 256 KiB of them kept, and none that is longer than 2,048 characters", async () => {
    const { names, reads } = setUp();
    const long = (at: number) => `x://${String(at).padStart(2_000, "0")}`;
    names(a, ...Array.from({ length: 100 }, (_, at) => long(at)));
    expect([await reads(long(0)), await reads(long(35)), await reads(long(99))]).toEqual([
      "nobody",
      "nobody",
      `a ${long(99)}`,
    ]);
    const tooLong = `x://${"y".repeat(2_045)}`;
    names(a, tooLong);
    expect(await reads(tooLong)).toBe("nobody");
  });

  test("makes room with whoever was unused for longest, once all together fill 16 MiB", async () => {
    const { layer, reads } = setUp();
    const uris = Array.from({ length: 60 }, (_, at) => `x://${String(at).padStart(2_000, "0")}`);
    for (let at = 0; at < 100; at++) layer.learn(callOf({ who: `w${at}` }), a, uris);
    expect(await reads(uris[59] ?? "", { who: "w0" })).toBe("nobody");
    expect(await reads(uris[59] ?? "", { who: "w99" })).toBe(`a ${uris[59]}`);
  });
});
