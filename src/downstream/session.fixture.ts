import { manualClock } from "../../test/fixtures/manual-clock.ts";
import { Payload } from "../core/payload.ts";
import { AGENT_TEXT } from "../core/scan.ts";
import { type Message, readMessage } from "../wire/message.ts";
import { type Exchange, messageExchange } from "./exchange.ts";
import { type FakeFront, type FakeFrontOptions, fakeFront } from "./fake-front.fixture.ts";
import { createEventRing, RING } from "./resume.ts";
import { openSession } from "./session.ts";

export type Json = Record<string, unknown>;

/** Waits until whatever was started has run as far as it can. */
export const settled = (): Promise<void> => new Promise(resolve => setImmediate(resolve));

export function message(value: Json): Message {
  const read = readMessage(Buffer.from(JSON.stringify({ jsonrpc: "2.0", ...value })), AGENT_TEXT);
  if (read.kind === "invalid") throw new Error(read.message);
  return read;
}

/** What one exchange was told, and whether it was given up. */
export function recorder(options: { canTell?: boolean } = {}) {
  const told: Json[] = [];
  const exchange: Exchange = {
    ...messageExchange(text => void told.push(JSON.parse(text.toString()))),
    ...{ canTell: true, ...options },
    abandon: () => void told.push({ abandoned: true }),
  };
  return { told, exchange };
}

export interface TestSession {
  readonly front: FakeFront;
  readonly clock: ReturnType<typeof manualClock>;
  readonly session: ReturnType<typeof openSession>["session"];
  receive(value: Json, exchange?: Exchange): Promise<void>;
}

export function session(
  options: FakeFrontOptions & { version?: string; capabilities?: Json; id?: string } = {},
): TestSession {
  const { version = "2025-11-25", capabilities = {}, id = "s" } = options;
  const front = fakeFront(options);
  const clock = manualClock();
  const { session: opened } = openSession({
    ...{ front, clock, id, address: "here", view: { kind: "all" } },
    events: createEventRing({ clock, budget: { bytes: RING.totalBytes } }),
    params: Payload.of({ protocolVersion: version, capabilities, clientInfo: { name: "t", version: "1" } }),
  });
  return {
    ...{ front, clock, session: opened },
    receive: (value, exchange = recorder().exchange) => opened.receive(message(value), exchange),
  };
}

export const call = (id: number | string, name = "run"): Json => ({
  id,
  method: "tools/call",
  params: { name, arguments: {} },
});
