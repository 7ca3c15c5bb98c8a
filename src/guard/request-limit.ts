import type { Limited, RequestLimit } from "../core/front.ts";
import type { Store, Taken } from "../core/ports.ts";

export interface RequestLimitOptions {
  readonly store: Store;
  /** Requests per minute of one principal, and new sessions per minute of one address; `0` for no limit. */
  readonly perMinute: number;
}

export function createRequestLimit({ store, perMinute }: RequestLimitOptions): RequestLimit {
  if (perMinute === 0) return NO_REQUEST_LIMIT;
  const rule = { capacity: perMinute, perMinute };
  const taken = (key: string, of: Limited["of"]): Limited | undefined | Promise<Limited | undefined> => {
    const decide = (one: Taken): Limited | undefined =>
      one.ok ? undefined : { kind: "too_many_requests", retryAfterMs: one.retryAfterMs, limit: perMinute, of };
    const found = store.take(key, rule);
    return found instanceof Promise ? found.then(decide) : decide(found);
  };
  return {
    delayed: { count: 0 },
    request: ({ principal }) => taken(`requests ${principal}`, "agent"),
    session: ({ address }) => taken(`sessions ${address}`, "address"),
  };
}

export const NO_REQUEST_LIMIT: RequestLimit = {
  delayed: { count: 0 },
  request: () => undefined,
  session: () => undefined,
};
