import type { Front, SubscribeRequest, Subscription } from "../core/front.ts";
import { Payload } from "../core/payload.ts";
import type { Pool } from "../upstream/pool.ts";
import type { Upstream } from "../upstream/upstream.ts";
import type { Catalogs } from "./catalogs.ts";

const refused = (uri: string, nearest: readonly string[] = []): Subscription => ({
  kind: "failed",
  failure: { kind: "unknown_name", what: "resource", name: uri, nearest },
});

export interface Watching {
  /** Has a resource watched at the upstream that serves it: the best holder that is there. */
  subscribe: Front["subscribe"];
  /** Moves what is watched at upstreams that a new configuration has replaced to those that took their place. */
  renew(): void;
}

/** What an agent has watched, and where. */
interface Watch {
  readonly request: SubscribeRequest;
  upstream: Upstream | undefined;
  close: () => void;
  moving: boolean;
}

export function watching(pool: Pool, catalogs: Catalogs): Watching {
  const watches = new Set<Watch>();

  async function place({
    view,
    caller,
    uri,
    updated,
  }: SubscribeRequest): Promise<[Subscription, Upstream | undefined]> {
    const found = catalogs.view(view)?.catalog().resolve("resource", uri);
    if (found?.kind !== "found") return [refused(uri, found?.kind === "unknown" ? found.nearest : []), undefined];
    const { holders } = found.entry;
    const holder = holders.find(({ upstream }) => pool.get(upstream)?.condition === "up") ?? holders[0];
    const upstream = pool.get(holder.upstream);
    // An entry that came from a template stands for every URI that fits; the upstream wants the one that was asked for.
    const native = found.entry.kind === "template" ? uri : holder.native;
    return [upstream ? await upstream.subscribe(caller, native, updated) : refused(uri), upstream];
  }

  /** Until it has found a new place it is tried again with every change of an upstream. */
  async function move(watch: Watch): Promise<void> {
    watch.moving = true;
    watch.close();
    const [subscription, upstream] = await place(watch.request);
    watch.moving = false;
    if (subscription.kind === "failed") return;
    if (!watches.has(watch)) return subscription.close();
    watch.upstream = upstream;
    watch.close = subscription.close;
    // What happened in between was heard by nobody.
    watch.request.updated(Payload.of({ uri: watch.request.uri }));
  }

  return {
    async subscribe(request) {
      const [subscription, upstream] = await place(request);
      if (subscription.kind === "failed") return subscription;
      const watch: Watch = { request, upstream, close: subscription.close, moving: false };
      watches.add(watch);
      return {
        kind: "open",
        close() {
          watches.delete(watch);
          watch.close();
        },
      };
    },
    renew() {
      for (const watch of watches) {
        const stays = watch.upstream && pool.get(watch.upstream.name) === watch.upstream;
        if (!stays && !watch.moving) void move(watch);
      }
    },
  };
}
