import type { CacheHint, Catalog } from "../core/catalog.ts";
import type { ViewQueries } from "../core/front.ts";
import { Payload } from "../core/payload.ts";
import { NO_CACHING } from "../wire/caching.ts";
import type { AgentEra, CallAnswer } from "../wire/era.ts";
import type { ListMethod } from "../wire/methods.ts";
import { CODES, wireError } from "../wire/rpc-errors.ts";

/** How long a list, or a name that is not known, waits for upstreams that have never been seen. */
export const FIRST_WAIT_MS = 1_000;

/** A list is the same for everybody who sees the same snapshot, so its text is made once; it goes with the snapshot. */
const LISTS = new WeakMap<Catalog, Map<string, Payload>>();

/** Answers a request for a list from the catalog. */
export async function answerList(
  queries: ViewQueries,
  era: AgentEra,
  what: { list: ListMethod; params: Payload },
): Promise<CallAnswer> {
  const { list, params } = what;
  if (params.has("cursor")) return UNKNOWN_CURSOR;
  await queries.settled(FIRST_WAIT_MS);
  const catalog = queries.catalog();
  const made = LISTS.get(catalog) ?? new Map<string, Payload>();
  LISTS.set(catalog, made);
  const hint = catalog.missing.length === 0 ? queries.hint(list.kind) : NO_CACHING;
  const key = `${era.name} ${list.member} ${hint.ttlMs} ${hint.cacheScope}`;
  const result = made.get(key) ?? makeList(queries, catalog, { list, era, hint });
  made.set(key, result);
  return { kind: "result", result };
}

const UNKNOWN_CURSOR: CallAnswer = { kind: "error", error: wireError(CODES.invalidParams, "Unknown cursor") };

interface ListPlan {
  readonly list: ListMethod;
  readonly era: AgentEra;
  readonly hint: CacheHint;
}

function makeList(queries: ViewQueries, catalog: Catalog, what: ListPlan): Payload {
  const { list, era, hint } = what;
  const definitions = catalog.entries[list.kind].map(entry => era.definition(entry.definition).bytes);
  const joined = Buffer.concat([
    OPEN,
    ...definitions.flatMap((text, at) => (at === 0 ? [text] : [COMMA, text])),
    CLOSE,
  ]);
  const page = queries.page(list.kind) ?? Payload.parse(`{"${list.member}":[]}`);
  const whole = page.with({ [list.member]: joined, nextCursor: undefined });
  return era.list(catalog.missing.length === 0 ? whole : withMissing(whole, catalog), hint);
}

/** An upstream that was never seen cannot be listed; saying so beats a list that looks complete. */
function withMissing(result: Payload, catalog: Catalog): Payload {
  const meta = result.object("_meta") ?? Payload.of({});
  return result.with({ _meta: meta.with({ "radium-mcp-proxy/missing": JSON.stringify(catalog.missing) }).bytes });
}

const OPEN = Buffer.from("[");
const COMMA = Buffer.from(",");
const CLOSE = Buffer.from("]");
