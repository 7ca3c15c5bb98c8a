import { expect, test } from "vitest";
import { roomyHolding } from "../../test/fixtures/ledger.ts";
import { createOutbox } from "./outbox.ts";

test("what is kept for an agent without a stream is bounded in number and in bytes", () => {
  const outbox = createOutbox(roomyHolding());
  for (let at = 0; at < 300; at++) outbox.post(`small ${at}`, Buffer.from("{}"));
  const large = Buffer.alloc(200 * 1024);
  outbox.post("small 0", large);
  outbox.post("small 1", large);
  outbox.post("small 0", Buffer.from("[]"));
  const sent: string[] = [];
  outbox.attach({ send: message => void sent.push(message.toString()), end: () => {} });
  expect(sent).toEqual(["[]", ...Array.from({ length: 255 }, () => "{}")]);
});
