import { Payload } from "../../core/payload.ts";
import type { Clock } from "../../core/ports.ts";
import { AGENT_TEXT, ScanError, type ScanLimits } from "../../core/scan-limits.ts";
import { openDispatcher, type UpstreamDispatcher } from "./dispatcher.ts";
import type { Environment } from "./proxy.ts";
import { type Place, redirectOf } from "./redirects.ts";
import { requestHead } from "./request-head.ts";
import { header, mediaType, type ReplyHead } from "./statuses.ts";
import type { HttpRequest } from "./transport.ts";

/** What one answer from a place that is no upstream may cost. */
export const OUTSIDE = {
  /** Of the body, as it travels: nothing is ever decompressed. */
  maxBytes: 256 * 1024,
  /** From the look-up of the name to the last byte, all redirects together. */
  timeoutMs: 10_000,
  maxRedirects: 5,
} as const;

/** Answers are small, flat objects; sets of keys are the largest. */
const TEXT: ScanLimits = { ...AGENT_TEXT, maxDepth: 16, maxKeys: 5_000, maxNoted: 1_000, maxElements: 50_000 };

export interface OutsideWorld {
  readonly clock: Clock;
  /** The gateway's own, which may name a proxy. */
  readonly environment: Environment;
  readonly userAgent: string | undefined;
}

export interface OutsideRequest {
  readonly url: string;
  readonly method: "GET" | "POST";
  /** By name in lower case; what is accepted is set here. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
}

export interface OutsideAnswer {
  readonly status: number;
  /** JSON text of one object within all limits; `undefined` where an error has no such body. */
  readonly text: string | undefined;
}

/** Nothing usable came back: why, in words of ours; `cause` is what broke, where something did. */
export class OutsideError extends Error {}

/**
 * Asks a place that is no upstream for one JSON object: a token endpoint, metadata, a set of keys. Whatever it answers
 * costs no more than {@link OUTSIDE} says. Only redirects within the origin are followed, since credentials go along.
 * Rejects with {@link OutsideError}.
 */
export async function fetchOutside(request: OutsideRequest, world: OutsideWorld): Promise<OutsideAnswer> {
  const { clock, environment } = world;
  const dispatcher = openDispatcher({ url: request.url, clock, environment });
  let isLate = false;
  const cancel = clock.after(OUTSIDE.timeoutMs, () => {
    isLate = true;
    void dispatcher.close();
  });
  try {
    const { head, text } = await follow(request, world, dispatcher);
    return { status: head.status, text: understood(head, text) };
  } catch (error) {
    if (isLate) throw new OutsideError(`did not answer completely within ${OUTSIDE.timeoutMs / 1_000} s`);
    throw error;
  } finally {
    cancel();
    // Ends whatever is still coming in.
    await dispatcher.close();
  }
}

interface Received {
  readonly head: ReplyHead;
  readonly text: Buffer;
}

async function follow(request: OutsideRequest, world: OutsideWorld, dispatcher: UpstreamDispatcher): Promise<Received> {
  const { method, url } = request;
  const { origin, pathname, search } = new URL(url);
  const headers = headerList(request, world.userAgent);
  const body = request.body === undefined ? null : [Buffer.from(request.body)];
  let place: Place = { path: pathname + search, upgraded: false };
  for (let hops = 0; hops <= OUTSIDE.maxRedirects; hops++) {
    const head = requestHead(method, place.path, headers);
    const received = await exchange(dispatcher, {
      ...{ lane: "control", head, headers: {}, upgraded: place.upgraded, body },
    });
    const redirect = redirectOf(received.head, { method, origin, place });
    if (redirect.kind === "none") return received;
    if (redirect.kind === "refuse") throw new OutsideError(redirect.says);
    place = redirect.place;
  }
  throw new OutsideError("redirects in a circle");
}

function headerList({ headers }: OutsideRequest, userAgent: string | undefined): string[] {
  const own = { ...headers, accept: "application/json", "accept-encoding": "identity" };
  const all = userAgent === undefined ? own : { ...own, "user-agent": userAgent };
  return Object.entries(all).flat();
}

/** One request and its answer. What is refused is not read on: its connection ends with the dispatcher. */
function exchange(dispatcher: UpstreamDispatcher, request: HttpRequest): Promise<Received> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    let head: ReplyHead | undefined;
    const refuse = (why: string, cause?: unknown): void => {
      chunks.length = 0;
      reject(new OutsideError(why, { cause }));
    };
    dispatcher.start({
      ...{ request, isOver: false, carrier: undefined, turn: "none", queuedAt: 0 },
      sent() {},
      head(given) {
        head = given;
        const why = objectionTo(given);
        if (why !== undefined) refuse(why);
      },
      data(chunk) {
        bytes += chunk.length;
        if (bytes > OUTSIDE.maxBytes) refuse(TOO_LARGE);
        else chunks.push(Buffer.from(chunk));
      },
      end() {
        if (head) resolve({ head, text: Buffer.concat(chunks) });
        else refuse("gave no answer");
      },
      fail: error => refuse("the exchange broke", error),
    });
  });
}

const TOO_LARGE = `answered with more than ${OUTSIDE.maxBytes / 1024} KiB`;

/** What the head alone rules out, before any of the body is kept. */
function objectionTo(head: ReplyHead): string | undefined {
  const isEncoded = head.headers["content-encoding"] !== undefined;
  if (isEncoded && header(head, "content-encoding")?.trim().toLowerCase() !== "identity") {
    return "compressed its answer, which nobody asked for";
  }
  return (head.bytes ?? 0) > OUTSIDE.maxBytes ? TOO_LARGE : undefined;
}

function understood(head: ReplyHead, text: Buffer): string | undefined {
  const fault = mediaType(head) === "application/json" ? faultIn(text) : "gave an answer that is not labelled as JSON";
  if (fault === undefined) return text.toString("utf8");
  if (head.status < 400) throw new OutsideError(fault);
  return undefined;
}

function faultIn(text: Buffer): string | undefined {
  try {
    Payload.parse(text, TEXT);
    return undefined;
  } catch (error) {
    if (error instanceof ScanError) return FAULTS[error.reason];
    throw error;
  }
}

const FAULTS: Readonly<Record<ScanError["reason"], string>> = {
  syntax: "gave an answer that is no JSON object",
  too_deep: "gave an answer that is nested too deep",
  too_many: "gave an answer with too many members",
  ambiguous: "gave an answer that has one key twice, or two that may be taken for one",
};
