import type { Resolution } from "../core/catalog.ts";
import type { FollowRequest, Front, SubscribeRequest, Subscription } from "../core/front.ts";
import type { UpstreamName } from "../core/names.ts";
import type { Payload } from "../core/payload.ts";
import type { Sealer } from "../core/ports.ts";
import { referencesIn } from "../core/references.ts";
import type { ReferencesLayer, Who } from "../guard/references.ts";
import { openTask } from "../guard/tasks.ts";
import type { Topic } from "../upstream/notifications/topics.ts";
import type { Pool } from "../upstream/pool.ts";
import type { Upstream } from "../upstream/upstream.ts";
import { withPlainError } from "../wire/own-words.ts";
import type { Catalogs } from "./catalogs.ts";

type Refused = Extract<Subscription, { kind: "failed" }>;

const unknownResource = (uri: string, nearest: readonly string[] = []): Refused => ({
  kind: "failed",
  failure: { kind: "unknown_name", what: "resource", name: uri, nearest },
});
const MAX_NAMED = 1_000;
const UNKNOWN_TASK: Refused = { kind: "failed", failure: { kind: "invalid", message: "Unknown task" } };

export interface Watching {
  /** Has a resource watched at the upstream that serves it: the best holder that is there. */
  readonly subscribe: Front["subscribe"];
  /** Has a task followed at the upstream that runs it. */
  readonly follow: Front["follow"];
  /** Moves what is watched at upstreams that a new configuration has replaced to those that took their place. */
  renew(): void;
  /** Moves what is watched at upstreams whose it is not any more: lists of resources have changed. */
  reconsider(): void;
}

/** Where something is to be watched, under its name there. */
type Place = { readonly kind: "at"; readonly upstream: Upstream; readonly topic: Topic } | Refused;

interface Wish extends Who {
  readonly caller: SubscribeRequest["caller"];
  place(): Place;
  /** Whether it is somebody else's than that upstream's. */
  isOthers(upstream: Upstream): boolean;
  /** What a message about it names. */
  names(params: Payload): readonly string[];
  told(params: Payload, upstream: UpstreamName): void;
}

/** What an agent has watched, and where. */
interface Watch {
  readonly wish: Wish;
  upstream: Upstream | undefined;
  close: () => void;
  moving: boolean;
}

interface World {
  readonly pool: Pool;
  readonly catalogs: Catalogs;
  readonly sealer: Sealer;
  readonly references: ReferencesLayer;
}

/** Finds out where something is to be watched, as things are now. */
function placing({ pool, catalogs, sealer, references }: World) {
  function resolved(request: SubscribeRequest): Resolution | undefined {
    const { view, caller, uri } = request;
    const known = catalogs.view(view)?.catalog(caller).resolve("resource", uri);
    return known && references.resolve(request, uri, known);
  }

  function ofResource(request: SubscribeRequest): Place {
    const { uri } = request;
    const found = resolved(request);
    if (found?.kind !== "found") return unknownResource(uri, found?.kind === "unknown" ? found.nearest : []);
    const { holders } = found.entry;
    const holder = holders.find(({ upstream }) => pool.get(upstream)?.condition === "up") ?? holders[0];
    const upstream = pool.get(holder.upstream);
    // An entry that came from a template stands for every URI that fits; the upstream wants the one that was asked for.
    const name = found.entry.kind === "template" ? uri : holder.native;
    return upstream ? { kind: "at", upstream, topic: { kind: "resource", name } } : unknownResource(uri);
  }

  function ofTask({ view, caller, taskId }: FollowRequest): Place {
    const task = openTask(sealer, { principal: caller.principal, view }, taskId);
    const upstream = task && pool.get(task.upstream);
    return upstream ? { kind: "at", upstream, topic: { kind: "task", name: task.native } } : UNKNOWN_TASK;
  }

  return { resolved, ofResource, ofTask };
}

export function watching(world: World): Watching {
  const { pool, catalogs, references } = world;
  const place = placing(world);
  const watches = new Set<Watch>();

  async function listen(wish: Wish, missed: boolean): Promise<[Subscription, Upstream | undefined]> {
    let found = wish.place();
    if (found.kind === "failed") {
      // It may be in the catalog that is being built.
      await catalogs.current();
      found = wish.place();
    }
    if (found.kind === "failed") return [found, undefined];
    const { upstream, topic } = found;
    const told = (params: Payload): void => {
      references.learn(wish, upstream.name, wish.names(params));
      wish.told(params, upstream.name);
    };
    return [await upstream.subscribe(wish.caller, { topic, told, missed }), upstream];
  }

  async function watch(wish: Wish): Promise<Subscription> {
    const [subscription, upstream] = await listen(wish, false);
    if (subscription.kind === "failed") return subscription;
    const watch: Watch = { wish, upstream, close: subscription.close, moving: false };
    watches.add(watch);
    return {
      kind: "open",
      close() {
        watches.delete(watch);
        watch.close();
      },
    };
  }

  /** Until it has found a new place it is tried again with every change of an upstream. */
  async function move(watch: Watch): Promise<void> {
    watch.moving = true;
    watch.close();
    // What happened in between was not heard.
    const [subscription, upstream] = await listen(watch.wish, true);
    watch.moving = false;
    if (subscription.kind === "failed") return;
    if (!watches.has(watch)) return subscription.close();
    Object.assign(watch, { upstream, close: subscription.close });
  }

  return {
    subscribe: request => {
      const { caller, view, updated } = request;
      // It may name a part of what was subscribed to, which is in no list.
      const names = (params: Payload): string[] => [params.string("uri") ?? []].flat();
      const isOthers = ({ name }: Upstream): boolean => {
        const found = place.resolved(request);
        return found?.kind === "found" && !found.entry.holders.some(({ upstream }) => upstream === name);
      };
      return watch({ caller, view, names, place: () => place.ofResource(request), isOthers, told: updated });
    },
    follow: request => {
      const { caller, view, taskId, told } = request;
      const id = JSON.stringify(taskId);
      return watch({
        ...{ caller, view, place: () => place.ofTask(request), isOthers: () => false },
        names: params => referencesIn(params, MAX_NAMED),
        told: (params, upstream) => told(withPlainError(params.with({ taskId: id }), upstream)),
      });
    },
    renew() {
      for (const watch of watches) {
        const stays = watch.upstream && pool.get(watch.upstream.name) === watch.upstream;
        if (!stays && !watch.moving) void move(watch);
      }
    },
    reconsider() {
      for (const watch of watches) {
        if (!watch.moving && watch.upstream && watch.wish.isOthers(watch.upstream)) void move(watch);
      }
    },
  };
}
