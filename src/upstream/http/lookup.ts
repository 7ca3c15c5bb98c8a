import { lookup as systemLookup } from "node:dns";
import type { LookupFunction } from "node:net";
import type { Clock } from "../../core/ports.ts";

/** How long an address is used after the last time that its name was found. */
const KEPT_MS = 60_000;

/**
 * How long one of several addresses of a name gets before the next one is tried as well. An attempt that is overtaken is
 * given up, so that less would cut off what is merely far away.
 */
export const ATTEMPT_TIMEOUT_MS = 1_000;

type Callback = Parameters<LookupFunction>[2];
type Found = Parameters<Callback> extends [unknown, ...infer Rest] ? Rest : never;

/** Looks host names up; while that fails, the last good answer serves for a minute. */
export function keepLastGood(clock: Clock, lookup: LookupFunction = systemLookup): LookupFunction {
  const good = new Map<string, { readonly found: Found; readonly at: number }>();
  return (hostname, options, callback) => {
    const key = `${hostname} ${options.family ?? 0} ${options.all ?? false}`;
    lookup(hostname, options, (error, ...found) => {
      if (!error) good.set(key, { found, at: clock.now() });
      const last = error ? good.get(key) : undefined;
      if (last && clock.now() - last.at <= KEPT_MS) callback(null, ...last.found);
      else callback(error, ...found);
    });
  };
}
