import type { CacheHint, Catalog } from "../core/catalog.ts";
import type { Front, ViewQueries } from "../core/front.ts";
import { Payload } from "../core/payload.ts";
import type { SealContext, Sealer } from "../core/ports.ts";
import { NO_CACHING } from "../wire/caching.ts";
import type { AgentEra, CallAnswer } from "../wire/era.ts";
import type { ListMethod } from "../wire/methods.ts";
import { CODES, wireError } from "../wire/rpc-errors.ts";
import type { Agent } from "./agent.ts";

/** How long a list, or a name that is not known, waits for upstreams that have never been seen. */
export const FIRST_WAIT_MS = 1_000;

/** How many definitions of the merged catalog go into one page. A view of one upstream is one page, as native as it can be. */
export const PAGE_ENTRIES = 1_000;
const CURSOR_LIFE_MS = 10 * 60_000;

/** A page is the same for everybody who sees the same snapshot, so its text is made once; it goes with the snapshot. */
const PAGES = new WeakMap<Catalog, Map<string, Payload>>();

/** Answers a request for a list from the catalog. */
export async function answerList(
  { sealer }: Pick<Front, "sealer">,
  agent: Pick<Agent, "caller" | "era" | "view">,
  what: { queries: ViewQueries; list: ListMethod; params: Payload },
): Promise<CallAnswer> {
  const { queries, list, params } = what;
  const { era, view, caller } = agent;
  await queries.settled(FIRST_WAIT_MS);
  await queries.fresh(list.kind, caller);
  const catalog = queries.catalog(caller);
  // A cursor is good for the list that it was cut from.
  const about = JSON.stringify([view, list.member, catalog.digests[list.kind]]);
  const context = { purpose: "cursor", principal: caller.principal, about };
  const from = startOf(params, sealer, context);
  if (from === undefined) return UNKNOWN_CURSOR;
  const made = PAGES.get(catalog) ?? new Map<string, Payload>();
  PAGES.set(catalog, made);
  const hint = catalog.missing.length === 0 ? queries.hint(list.kind, caller) : NO_CACHING;
  const size = view.kind === "all" ? PAGE_ENTRIES : catalog.entries[list.kind].length;
  const key = `${era.name} ${list.member} ${hint.ttlMs} ${hint.cacheScope} ${from}`;
  const page = made.get(key) ?? makePage(queries.page(list.kind, caller), catalog, { list, era, hint, from, size });
  made.set(key, page);
  const next = from + size;
  if (next >= catalog.entries[list.kind].length) return { kind: "result", result: page };
  const cursor = sealer.seal({ ...context, expiresInMs: CURSOR_LIFE_MS }, String(next));
  return { kind: "result", result: page.with({ nextCursor: JSON.stringify(cursor) }) };
}

/** Where the page begins; `undefined` for a cursor that is not ours, has expired or belongs to another list. */
function startOf(params: Payload, sealer: Sealer, context: SealContext): number | undefined {
  if (!params.has("cursor")) return 0;
  const opened = sealer.open(context, params.string("cursor") ?? "");
  return opened.ok ? Number(opened.text) : undefined;
}

const UNKNOWN_CURSOR: CallAnswer = {
  kind: "error",
  error: wireError(CODES.invalidParams, "Unknown cursor: ask for the list from its beginning"),
};

interface PagePlan {
  readonly list: ListMethod;
  readonly era: AgentEra;
  readonly hint: CacheHint;
  readonly from: number;
  readonly size: number;
}

function makePage(native: Payload | undefined, catalog: Catalog, what: PagePlan): Payload {
  const { list, era, hint, from, size } = what;
  const entries = catalog.entries[list.kind].slice(from, from + size);
  const definitions = entries.map(entry => era.definition(entry.definition).bytes);
  const joined = Buffer.concat([
    OPEN,
    ...definitions.flatMap((text, at) => (at === 0 ? [text] : [COMMA, text])),
    CLOSE,
  ]);
  const page = native ?? Payload.parse(`{"${list.member}":[]}`);
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
