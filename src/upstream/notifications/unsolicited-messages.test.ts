import { expect, test } from "vitest";
import type { AgentContact } from "../../core/front.ts";
import { upstreamName } from "../../core/names.ts";
import { Payload } from "../../core/payload.ts";
import type { Signal } from "../../core/signal.ts";
import type { Message } from "../../wire/message.ts";
import type { Link } from "../conversation/link.ts";
import { createEar, EAR } from "./unsolicited-messages.ts";

function setUp() {
  const asked: Signal[] = [];
  const responses: string[] = [];
  const contact: AgentContact = {
    ask(_question, signal) {
      asked.push(signal);
      return new Promise(() => {});
    },
    tell() {},
  };
  const ear = createEar({
    ...{ upstream: upstreamName("a"), contact: () => contact },
    ...{ refused() {}, listChanged() {}, updated() {} },
  });
  const link = {
    declared: Payload.of({ elicitation: {} }),
    overhear: () => false,
    respond: (text: Buffer) => void responses.push(text.toString()),
  } as unknown as Link;
  const ask = (id: number): void => {
    const message = { kind: "request", id: Buffer.from(`${id}`), method: "elicitation/create", params: Payload.of({}) };
    ear.hear(link, message as Message);
  };
  return { ear, asked, responses, ask };
}

test("an agent is asked only so much at once outside its calls", () => {
  const { ear, asked, responses, ask } = setUp();
  for (let id = 0; id <= EAR.maxAsking; id++) ask(id);
  expect([asked.length, responses.length]).toEqual([EAR.maxAsking, 1]);
  ear.stop();
  expect(asked.every(signal => signal.aborted)).toBe(true);
});

test("an id that is open is no second question, which nobody could withdraw", () => {
  const { ear, asked, responses, ask } = setUp();
  ask(1);
  ask(1);
  expect([asked.length, responses.length]).toEqual([1, 1]);
  ear.stop();
  expect(asked.every(signal => signal.aborted)).toBe(true);
});
