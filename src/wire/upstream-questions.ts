import { createHash } from "node:crypto";
import { Payload } from "../core/payload.ts";
import { scanArray } from "../core/scan.ts";
import { SCANNED_TEXT, ScanError } from "../core/scan-limits.ts";
import type { Demand } from "./era.ts";
import { LIST_CHANGED_OF } from "./methods.ts";
import { capabilityNames, lacking, QUESTIONS } from "./questions.ts";
import { CODES, wireError } from "./rpc-errors.ts";

/**
 * Questions of upstreams whose revisions ask by a request of their own, as the newer revisions put them into a result.
 * https://modelcontextprotocol.io/specification/2026-07-28/basic/patterns/mrtr
 */
const ASKABLE = ["roots", "sampling", "elicitation"] as const;
const METHODS: ReadonlySet<string> = new Set(["roots/list", "sampling/createMessage", "elicitation/create"]);
const NOTHING = Payload.of({});

/** Whether an agent that has declared these capabilities can be asked anything at all. */
export const canBeAsked = (declared: Payload): boolean => ASKABLE.some(capability => declared.has(capability));

/** Whether a request of an upstream is one to an agent. */
export const isQuestion = (method: string): boolean => METHODS.has(method);

/** An upstream's request as a question; refused where the agent has not declared that it can be asked this. */
export function questionFor(method: string, params: Payload | undefined, declared: Payload): Demand {
  const required = lacking([{ method, params }], declared);
  if (!required) return { kind: "questions", questions: question(method, params) };
  const [capability = ""] = required.keys();
  const error = declared.has(capability)
    ? wireError(CODES.invalidParams, `The client does not support ${capabilityNames(required)}`)
    : wireError(CODES.methodNotFound, `Method not found: ${method}`);
  return { kind: "refused", error };
}

function question(method: string, params: Payload | undefined): Payload {
  const put = method === "elicitation/create" && params ? elicitation(params) : params;
  return Payload.of({ method }).with({ params: put?.bytes });
}

/** The mode is said. */
const elicitation = (params: Payload): Payload => (params.has("mode") ? params : params.with({ mode: '"form"' }));

/** An upstream says that what it asked the user to do elsewhere is done. */
export const ELICITED = "notifications/elicitation/complete";

/** What an upstream may say on the stream of a call though it is about no call. */
export const ASIDE: ReadonlySet<string> = new Set([
  ELICITED,
  "notifications/resources/updated",
  ...Object.values(LIST_CHANGED_OF),
]);

/** An id by which upstreams tell of elicitations, as their agents know it: no two upstreams have the same. */
export const elicitationIdOf = (upstream: string, native: string): string =>
  createHash("sha256").update(`${upstream}\0${native}`).digest("base64url").slice(0, 22);

/** Parameters that name an elicitation by the upstream's id, as its agent knows it. */
export function withElicitationId(upstream: string, params: Payload): Payload {
  const native = params.string("elicitationId");
  return native === undefined
    ? params
    : params.with({ elicitationId: JSON.stringify(elicitationIdOf(upstream, native)) });
}

const URL_REQUIRED = "-32042";

/**
 * Elicitations that an error demands before the request may be made again.
 * https://modelcontextprotocol.io/specification/2025-11-25/client/elicitation#url-elicitation-required-error
 */
export function demandedElicitations(error: Payload, declared: Payload): Demand | undefined {
  if (error.raw("code")?.toString("latin1") !== URL_REQUIRED) return undefined;
  const demanded = elicitationsOf(error.object("data")?.raw("elicitations"));
  if (demanded.length === 0) return undefined;
  const asked = demanded.map(params => ({ method: "elicitation/create", params: params.with({ mode: '"url"' }) }));
  const required = lacking(asked, declared);
  if (required) {
    const data = { requiredCapabilities: required.value() };
    const message = `This needs capabilities that were not declared: ${capabilityNames(required)}`;
    return { kind: "refused", error: wireError(CODES.missingCapability, message, data) };
  }
  const entries = asked.map(({ method, params }, at) => [`elicitation-${at + 1}`, question(method, params).bytes]);
  return { kind: "questions", questions: NOTHING.with(Object.fromEntries(entries)) };
}

/** None where there are more than anybody answers: the error then says itself what it wants. */
function elicitationsOf(list: Buffer | undefined): readonly Payload[] {
  if (!list) return [];
  try {
    const elements = scanArray(list, SCANNED_TEXT, QUESTIONS.max);
    return elements.flatMap(element => (element ? [Payload.parse(element, SCANNED_TEXT)] : []));
  } catch (error) {
    if (error instanceof ScanError) return [];
    throw error;
  }
}

/** Whether one of the answers to elicitations is no. */
export const isDeclined = (answers: Payload): boolean =>
  [...answers.keys()].some(key => answers.object(key)?.string("action") !== "accept");
