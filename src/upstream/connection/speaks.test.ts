import { expect, test } from "vitest";
import { Payload } from "../../core/payload.ts";
import { createKnowledge, type Spoken } from "./speaks.ts";

const server = (version: string): Payload => Payload.of({ name: "server", version });

function setUp(protocol: "auto" | "legacy" | "modern" = "auto", recalled?: Spoken) {
  const kept: Spoken[] = [];
  const knowledge = createKnowledge(protocol, { recall: () => recalled, keep: spoken => kept.push(spoken) });
  return { knowledge, kept };
}

test("what was found out is kept once, and recalled by the next process", () => {
  const { knowledge, kept } = setUp();
  expect(knowledge.speaks).toEqual({ legacy: undefined, modern: undefined });
  for (let time = 0; time < 2; time++) knowledge.learn({ legacy: true, modern: false }, server("1"));
  expect(kept).toHaveLength(1);
  expect(setUp("auto", kept[0]).knowledge.speaks).toEqual({ legacy: true, modern: false });
});

test("a new version of a server may speak what the old one did not", () => {
  const { knowledge } = setUp();
  knowledge.learn({ legacy: true, modern: false }, server("1"));
  knowledge.learn({ legacy: true }, server("1"));
  expect(knowledge.speaks).toEqual({ legacy: true, modern: false });
  knowledge.learn({ legacy: true }, server("2"));
  expect(knowledge.speaks).toEqual({ legacy: true, modern: undefined });
});

test("what is forgotten is not recalled", () => {
  const { knowledge } = setUp("auto", { speaks: { legacy: true, modern: false }, server: undefined });
  knowledge.forget();
  expect(knowledge.speaks).toEqual({ legacy: undefined, modern: undefined });
});

test("what the configuration settles is neither learnt nor forgotten", () => {
  const { knowledge, kept } = setUp("legacy", { speaks: { legacy: false, modern: true }, server: undefined });
  knowledge.learn({ legacy: false, modern: true }, server("1"));
  knowledge.forget();
  expect([knowledge.speaks, knowledge.pinned, kept]).toEqual([{ legacy: true, modern: false }, true, []]);
});
