import type { Front, Subscription } from "../core/front.ts";
import type { Pool } from "../upstream/pool.ts";
import type { Catalogs } from "./catalogs.ts";

const refused = (uri: string, nearest: readonly string[] = []): Subscription => ({
  kind: "failed",
  failure: { kind: "unknown_name", what: "resource", name: uri, nearest },
});

/** Has a resource watched at the upstream that serves it: the best holder that is there. */
export function watching(pool: Pool, catalogs: Catalogs): Front["subscribe"] {
  return async ({ view, caller, uri, updated }) => {
    const found = catalogs.view(view)?.catalog().resolve("resource", uri);
    if (found?.kind !== "found") return refused(uri, found?.kind === "unknown" ? found.nearest : []);
    const { holders } = found.entry;
    const holder = holders.find(({ upstream }) => pool.get(upstream)?.condition === "up") ?? holders[0];
    const upstream = pool.get(holder.upstream);
    // An entry that came from a template stands for every URI that fits; the upstream wants the one that was asked for.
    const native = found.entry.kind === "template" ? uri : holder.native;
    return upstream ? upstream.subscribe(caller, native, updated) : refused(uri);
  };
}
