import { expect, test } from "vitest";
import type { AgentContact } from "../../core/front.ts";
import { upstreamName } from "../../core/names.ts";
import { Payload } from "../../core/payload.ts";
import type { Signal } from "../../core/signal.ts";
import type { Message } from "../../wire/message.ts";
import { createUnsolicitedMessages, type Speaker, UNSOLICITED } from "./unsolicited-messages.ts";

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
  const unsolicited = createUnsolicitedMessages({
    ...{ upstream: upstreamName("a"), contact: () => contact },
    ...{ refused() {}, listChanged() {}, updated() {} },
  });
  const link: Speaker = {
    ...{ declared: Payload.of({ elicitation: {} }), occupancy: undefined, onlyOwner: undefined },
    overhear: () => false,
    respond: text => void responses.push(text.toString()),
  };
  const ask = (id: number): void => {
    const params = Payload.of({});
    const message: Message = { kind: "request", id: Buffer.from(`${id}`), method: "elicitation/create", params };
    unsolicited.hear(link, message);
  };
  return { unsolicited, asked, responses, ask };
}

test("an agent is asked only so much at once outside its calls", () => {
  const { unsolicited, asked, responses, ask } = setUp();
  for (let id = 0; id <= UNSOLICITED.maxAsking; id++) ask(id);
  expect([asked.length, responses.length]).toEqual([UNSOLICITED.maxAsking, 1]);
  unsolicited.stop();
  expect(asked.every(signal => signal.aborted)).toBe(true);
});

test("an id that is open is no second question, which nobody could withdraw", () => {
  const { unsolicited, asked, responses, ask } = setUp();
  ask(1);
  ask(1);
  expect([asked.length, responses.length]).toEqual([1, 1]);
  unsolicited.stop();
  expect(asked.every(signal => signal.aborted)).toBe(true);
});
