import { scanArray } from "../core/scan.ts";
import { AGENT_BATCH, AGENT_MESSAGE, ScanError } from "../core/scan-limits.ts";
import { errorText, type Invalid, invalidText, type Message, readMessage, resultParts } from "../wire/message.ts";
import { CODES, wireError } from "../wire/rpc-errors.ts";
import type { Exchange } from "./exchange.ts";

const MAX_BATCH = 100;

export type Batch =
  | { readonly kind: "batch"; readonly items: readonly (Message | Invalid)[]; readonly answers: number }
  | Invalid;

const WHITE_SPACE: ReadonlySet<number | undefined> = new Set([0x20, 0x09, 0x0a, 0x0d]);
const OPEN_ARRAY = 0x5b;
const [OPEN, COMMA, CLOSE] = [Buffer.from("["), Buffer.from(","), Buffer.from("]")];

/** Whether a text, if it is JSON, is an array. */
function isBatch(text: Buffer): boolean {
  let at = 0;
  while (WHITE_SPACE.has(text[at])) at++;
  return text[at] === OPEN_ARRAY;
}

/**
 * Reads several messages that came as one array. `answers`: how many of them get one.
 * https://modelcontextprotocol.io/specification/2025-03-26/basic#batching
 */
function readBatch(text: Buffer): Batch {
  let elements: readonly (Buffer | undefined)[];
  try {
    elements = scanArray(text, AGENT_BATCH, MAX_BATCH);
  } catch (error) {
    if (!(error instanceof ScanError)) throw error;
    return error.reason === "too_many" ? shape(error.message) : invalidText(error);
  }
  if (elements.length === 0) return shape("a batch must not be empty");
  const items = elements.map(element => (element ? readMessage(element, AGENT_MESSAGE) : NO_OBJECT));
  const answers = items.filter(({ kind }) => kind === "request" || kind === "invalid").length;
  return { kind: "batch", items, answers };
}

const shape = (message: string): Invalid => ({ kind: "invalid", reason: "shape", message });
const NO_OBJECT = shape("expected an object");

/** One message, or several. */
export const readText = (text: Buffer): Message | Batch =>
  isBatch(text) ? readBatch(text) : readMessage(text, AGENT_MESSAGE);

/** The code of the error for a text that is no message. */
export const INVALID_CODES: Readonly<Record<Invalid["reason"], number>> = {
  syntax: CODES.parseError,
  too_deep: CODES.requestTooLarge,
  too_many: CODES.requestTooLarge,
  shape: CODES.invalidRequest,
};

/** Serves them all at once; their answers are the exchange's to put together. */
export function serveBatch(
  items: readonly (Message | Invalid)[],
  { exchange, receive, dealtWith }: { exchange: Exchange; receive: Receive; dealtWith(): void },
): void {
  let left = items.length;
  const one = (): void => {
    left--;
    if (left === 0) dealtWith();
  };
  for (const item of items) {
    if (item.kind !== "invalid") receive(item, exchange, one);
    else {
      exchange.error(item.id, wireError(CODES.invalidRequest, item.message));
      one();
    }
  }
}

/** Takes one message, and calls `dealtWith` once it is answered, or needs no answer. */
export type Receive = (message: Message, exchange: Exchange, dealtWith: () => void) => void;

/** The texts of answers as one array. */
export const joinAnswers = (answers: readonly Buffer[]): Buffer =>
  Buffer.concat([OPEN, ...answers.flatMap((text, at) => (at === 0 ? [text] : [COMMA, text])), CLOSE]);

/** On a channel of whole messages the answers go out together, once there are so many. */
export function gather(exchange: Exchange & { send(message: Buffer): void }, answers: number): Exchange {
  const ready: Buffer[] = [];
  let left = answers;
  const take = (text: Buffer | undefined): void => {
    if (text) ready.push(text);
    if (--left === 0 && ready.length > 0) exchange.send(joinAnswers(ready));
  };
  return {
    canTell: exchange.canTell,
    notify: exchange.notify,
    result: (id, result) => take(Buffer.concat(resultParts(id, result))),
    error: (id, error) => take(errorText(id, error.error)),
    abandon: () => take(undefined),
  };
}
