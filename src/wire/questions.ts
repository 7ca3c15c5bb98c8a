import { methodOf } from "../core/methods.ts";
import { Payload } from "../core/payload.ts";
import type { CallAnswer } from "./era.ts";
import { CODES, type WireError, wireError } from "./rpc-errors.ts";
import { asksRichly, type LegacyVersion } from "./versions.ts";

/** What an upstream may want to know at one time for one call, however it asks. */
export const QUESTIONS = { max: 32, maxBytes: 1024 * 1024 } as const;

/** A request of a server to an agent. */
export interface Question {
  readonly method: string;
  readonly params: Payload | undefined;
}

/** What becomes of an upstream's question on its way to an agent that is asked in the middle of a call. */
export type Phrased =
  | { readonly kind: "ask"; readonly question: Question }
  /** The agent's revision has no words for it, and the protocol has an answer that harms nobody. */
  | { readonly kind: "answered"; readonly result: Payload };

/** A capability, as the path of members under which an agent declares it. */
type Required = readonly [string] | readonly [string, string];

const EMPTY = Payload.of({});
const DECLINE = Payload.of({ action: "decline" });

const isUrl = (params: Payload): boolean => params.string("mode") === "url";

const REQUIRED: ReadonlyMap<string, (params: Payload) => Required> = new Map<string, (params: Payload) => Required>([
  ["elicitation/create", params => (isUrl(params) ? ["elicitation", "url"] : ["elicitation", "form"])],
  [
    "sampling/createMessage",
    params => (params.has("tools") || params.has("toolChoice") ? ["sampling", "tools"] : ["sampling"]),
  ],
  ["roots/list", () => ["roots"]],
]);

function declares(capabilities: Payload, [name, detail]: Required): boolean {
  const declared = capabilities.object(name);
  if (!declared || detail === undefined) return declared !== undefined;
  // Forms were there first, so an agent that says nothing about modes has them.
  return declared.has(detail) || (detail === "form" && !declared.has("url"));
}

const questionOf = (raw: Payload): Question => ({ method: raw.string("method") ?? "", params: raw.object("params") });

/** The questions of one round under their keys. */
export const questionsOf = (questions: Payload): [string, Question][] =>
  [...questions.keys()].flatMap(key => {
    const raw = questions.object(key);
    return raw ? [[key, questionOf(raw)] as [string, Question]] : [];
  });

/** One question from `{method, params}`. */
export const readQuestion = questionOf;

/**
 * What an agent would have to declare to be asked all this, and does not; `undefined` when nothing is missing. The shape
 * is that of `requiredCapabilities` in the error for a missing capability.
 */
export function lacking(questions: readonly Question[], capabilities: Payload): Payload | undefined {
  const required = new Map<string, Set<string>>();
  for (const { method, params } of questions) {
    const path = REQUIRED.get(method)?.(params ?? EMPTY);
    if (path && declares(capabilities, path)) continue;
    // Nobody can declare what the protocol does not have.
    const [name, detail] = path ?? [method];
    const details = required.get(name) ?? new Set();
    if (detail !== undefined) details.add(detail);
    required.set(name, details);
  }
  if (required.size === 0) return undefined;
  const objects = [...required].map(([name, details]) => [
    name,
    Object.fromEntries([...details].map(one => [one, {}])),
  ]);
  return Payload.of(Object.fromEntries(objects));
}

/** `elicitation.url, roots` */
export function capabilityNames(required: Payload): string {
  const names = [...required.keys()].flatMap(name => {
    const details = [...(required.object(name)?.keys() ?? [])];
    return details.length === 0 ? [name] : details.map(detail => `${name}.${detail}`);
  });
  return names.join(", ");
}

/**
 * Puts a question into the terms of the agent's revision. `elicitationId` makes the ids that URL requests carry there, of
 * those that the upstream gave them.
 */
export function phrase(
  question: Question,
  to: { version: LegacyVersion; capabilities: Payload; elicitationId(native: string | undefined): string },
): Phrased {
  const params = question.params ?? EMPTY;
  const ask = (changed: Payload): Phrased => ({ kind: "ask", question: { method: question.method, params: changed } });
  const old = !asksRichly(to.version);
  if (question.method === "elicitation/create") {
    if (!isUrl(params)) return ask(old && params.has("mode") ? params.with({ mode: undefined }) : params);
    if (old) return { kind: "answered", result: DECLINE };
    const native = params.string("elicitationId");
    return ask(params.with({ elicitationId: JSON.stringify(to.elicitationId(native)) }));
  }
  const context = question.method === "sampling/createMessage" && !old && params.has("includeContext");
  if (context && !to.capabilities.object("sampling")?.has("context"))
    return ask(params.with({ includeContext: undefined }));
  return ask(params);
}

/** The text of a request to an agent. */
export function questionText(id: string, { method, params }: Question): Buffer {
  const head = `{"jsonrpc":"2.0","id":${JSON.stringify(id)},"method":${JSON.stringify(method)}`;
  if (!params || params.isEmpty) return Buffer.from(`${head}}`);
  return Buffer.concat([Buffer.from(`${head},"params":`), params.bytes, Buffer.from("}")]);
}

/** https://modelcontextprotocol.io/specification/2026-07-28/basic#error-codes */
export const missingCapability = (required: Payload): WireError =>
  withRequired(
    wireError(CODES.missingCapability, `This needs capabilities that were not declared: ${capabilityNames(required)}`),
    required,
  );

function withRequired({ code, error }: WireError, required: Payload): WireError {
  return { code, error: error.with({ data: `{"requiredCapabilities":${required.bytes.toString()}}` }) };
}

/** What an agent gets whose revision has no error for a missing capability. */
export function withoutCapability(method: string, required: Payload): CallAnswer {
  const text = `The upstream needs input from the agent that it cannot give: it has not declared the capability ${capabilityNames(required)}`;
  if (methodOf(method).refusal === "result") {
    return { kind: "result", result: Payload.of({ content: [{ type: "text", text }], isError: true }) };
  }
  return { kind: "error", error: withRequired(wireError(CODES.internalError, text), required) };
}
