import type { UpstreamName } from "../core/names.ts";
import type { Payload } from "../core/payload.ts";
import { errorOf } from "./rpc-errors.ts";
import { kindOfError } from "./upstream-errors.ts";
import { META } from "./versions.ts";

/** In the `_meta` of a list that the gateway made: upstreams that are not in it yet. */
export const MISSING = "radium-mcp-proxy/missing";
const OWN_KEY = /^radium-mcp-proxy\//i;

/**
 * A result or the parameters of a notification of an upstream, without what only the gateway says in `_meta`: its own keys,
 * and the subscription that a message belongs to.
 */
export function withoutOwnMeta(said: Payload): Payload {
  const meta = said.object("_meta");
  if (!meta) return said;
  const own = [...meta.keys()].filter(key => OWN_KEY.test(key) || key === META.subscriptionId);
  if (own.length === 0) return said;
  const kept = meta.with(Object.fromEntries(own.map(key => [key, undefined])));
  return said.with({ _meta: kept.isEmpty ? undefined : kept.bytes });
}

/** A task as an upstream describes it; the error that it ended with speaks as an error of a call does. */
export function withPlainError(task: Payload, upstream: UpstreamName): Payload {
  const error = task.object("error");
  if (!error || kindOfError(error) === "plain") return task;
  return task.with({ error: errorOf({ kind: "quoted", error, upstream, attempts: 1 }).error.bytes });
}
