import type { Config } from "../config/schema.ts";
import type { Drain } from "../core/drain.ts";
import type { Front } from "../core/front.ts";
import type { Message } from "../wire/message.ts";
import { errorOf } from "../wire/rpc-errors.ts";
import type { Batch } from "./batch.ts";
import type { Connections } from "./connections.ts";
import { answerPreflight, isPreflight, openTo } from "./cors.ts";
import { beginsWork, DRAINING } from "./draining.ts";
import { ENTRANCES } from "./entrances.ts";
import type { Inbound } from "./inbound.ts";
import { createDoor, type DoorRules } from "./origin-check.ts";
import type { Outbound } from "./outbound.ts";
import { type Place, pathOf, placeOf } from "./paths.ts";
import { answerText, type Refusal, refuse } from "./refuse.ts";
import type { SseEndpoint } from "./sse.ts";
import type { Visit } from "./visit.ts";

export interface ReceptionOptions {
  readonly front: Front;
  readonly transport: Config["transport"];
  readonly door: DoorRules;
  readonly requests: Drain;
  readonly streamable: (visit: Visit) => void;
  readonly sse: SseEndpoint;
  connections(): Connections;
  ready(): boolean;
  trouble(error: unknown): void;
}

/** Where requests arrive, whoever read them. */
export interface Reception {
  receive(request: Inbound, response: Outbound): void;
  /** From now on nothing is begun. Returns whether it is the first time. */
  beginDraining(): boolean;
}

/** What depends on nothing but the head of a request. */
interface Verdict {
  readonly path: string;
  readonly place: Place;
  readonly objection: Refusal | undefined;
}

const MAX_HEADERS = 100;
const ALL: Visit["view"] = { kind: "all" };
const OVERLOADED = errorOf({ kind: "overloaded" });
const CLOSE = { connection: "close" };
const CLOSE_AND_RETRY = { ...CLOSE, "retry-after": "1" };
const TOO_MANY_HEADERS: Refusal = { status: 431, why: "There are too many headers", headers: CLOSE };
const BEYOND: Refusal = { status: 503, why: OVERLOADED, headers: CLOSE_AND_RETRY };
const LATE: Refusal = { status: 503, why: DRAINING, headers: CLOSE_AND_RETRY };
const BROKEN: Refusal = { status: 500, why: "The gateway failed to handle this request; its log says why" };

/** Says to whoever sends a request that there is no time for it, and closes its connection. */
export const turnAway = (response: Outbound): void => refuse(response, BEYOND);

export function createReception(options: ReceptionOptions): Reception {
  const { front, requests } = options;
  const judge = createJudge(options.door);
  const serve = createServing(options);
  let draining = false;

  function receive(request: Inbound, response: Outbound): void {
    const broke = (error: unknown): void => {
      options.trouble(error);
      refuse(response, BROKEN);
      response.destroy();
    };
    try {
      take(request, response, broke);
    } catch (error) {
      broke(error);
    }
  }

  function take(request: Inbound, response: Outbound, broke: (error: unknown) => void): void {
    const { path, place, objection } = judge(request);
    if (objection) return void refuse(response, objection);
    const { origin } = request.headers;
    if (origin !== undefined) openTo(origin, response);
    if (request.rawHeaders.length > 2 * MAX_HEADERS) return void refuse(response, TOO_MANY_HEADERS);
    const connections = options.connections();
    const isBeyond = connections.areCrowded && connections.isOver(request.socket);
    if (isBeyond || draining || front.pressure.closing) response.shouldKeepAlive = false;
    if (isPreflight(request)) return void answerPreflight(request, response);
    if (place.kind === "health") return void health(response, place.asks);
    if (isBeyond) return void refuse(response, BEYOND);
    if (!draining) count(response);
    else if (request.method !== "POST") return void refuse(response, LATE);
    const late = draining ? { admits: (text: Message | Batch) => admits(text, response) } : undefined;
    const view = place.kind === "mcp" ? place.view : ALL;
    serve({ request, response, view, late, broke }, { path, place });
  }

  function count(response: Outbound): void {
    const connections = options.connections();
    requests.began();
    const connection = connections.began(response);
    response.on("close", () => {
      requests.ended();
      connections.ended(connection, response);
    });
  }

  /** Only what is let in is waited for: a crowd that is turned away must not keep the gateway from ending. */
  function admits(text: Message | Batch, response: Outbound): boolean {
    if (beginsWork(text)) {
      refuse(response, { ...LATE, id: text.kind === "request" ? text.id : undefined });
      return false;
    }
    count(response);
    return true;
  }

  /** Probes come under any method, and are told also while the gateway ends. */
  function health(response: Outbound, asks: "lives" | "ready"): void {
    const isReady = !draining && options.ready();
    if (asks === "lives") answerText(response, { status: 200, text: draining ? "stopping\n" : "ok\n" });
    else answerText(response, isReady ? { status: 200, text: "ready\n" } : { status: 503, text: "not ready\n" });
  }

  return {
    receive,
    beginDraining() {
      const isFirst = !draining;
      draining = true;
      return isFirst;
    },
  };
}

/** Judges heads: each by itself, and one that comes again on its connection only once. */
function createJudge(rules: DoorRules): (request: Inbound) => Verdict {
  const door = createDoor(rules);
  const look = (request: Inbound): Verdict => {
    const { url: target = "", method = "" } = request;
    const path = pathOf(target);
    const place = placeOf(path, { target, method });
    const why = door(request, place.kind === "health");
    const status = target.startsWith("/") ? 403 : 400;
    return { path, place, objection: why === undefined ? undefined : { status, why } };
  };
  return request => {
    const { memo } = request;
    if (!memo) return look(request);
    memo.verdict ??= look(request);
    return memo.verdict as Verdict;
  };
}

type Serving = (
  visit: Visit,
  where: { readonly path: string; readonly place: Exclude<Place, { kind: "health" }> },
) => void;

function createServing({ front, transport, streamable, sse }: ReceptionOptions): Serving {
  const entrances = new Set(ENTRANCES[transport]);
  return (visit, { path, place }) => {
    const { response } = visit;
    if (place.kind === "nowhere" || !entrances.has(place.kind === "mcp" ? "/mcp" : "/sse"))
      refuse(response, { status: 404, why: `There is nothing at ${path}; MCP is served at /mcp` });
    else if (place.kind !== "mcp") sse[place.kind](visit);
    else if (front.view(place.view)) streamable(visit);
    else refuse(response, { status: 404, why: `No upstream is configured for ${path}` });
  };
}
