import type { UpstreamConfig } from "../config/schema.ts";
import type { Filters, Offer, Source } from "../core/catalog.ts";
import type { UpstreamName } from "../core/names.ts";
import type { Upstream } from "../upstream/upstream.ts";
import { type Likeness, likenesses } from "./likeness.ts";
import type { LoadedOffers } from "./loaded-offers.ts";

type Named = Pick<Upstream, "name" | "config" | "offer">;

/** What a catalog must know of each upstream. */
export interface Sources {
  /** A configuration is loaded. */
  configure(configs: readonly UpstreamConfig[]): void;
  /** Something is known of what an upstream offers; what is known first is remembered. */
  note(upstream: Named): void;
  /** Whether any other may be a replica of it without being told. */
  hasTwin(name: UpstreamName): boolean;
  /** `offer`: what it offers to the caller that the catalog is for. */
  of(upstream: Named, offer: Offer | undefined): Source;
}

export function createSources(loaded: LoadedOffers): Sources {
  let likeness: ReadonlyMap<string, Likeness> = new Map();

  function loadedBy({ name, offer }: Named): Source["loaded"] {
    const { hasTwin = false, identity = "" } = likeness.get(name) ?? {};
    return hasTwin ? loaded.of({ name, identity, offer }) : undefined;
  }

  return {
    configure(configs) {
      likeness = likenesses(configs);
    },
    note: upstream => void loadedBy(upstream),
    hasTwin: name => likeness.get(name)?.hasTwin ?? false,
    of(upstream, offer) {
      const { name, config } = upstream;
      const { priority, group } = config;
      const fingerprint = likeness.get(name)?.fingerprint ?? "";
      return { name, priority, group, fingerprint, filters: filtersOf(config), loaded: loadedBy(upstream), offer };
    },
  };
}

export const filtersOf = ({ tools, prompts, resources, templates }: UpstreamConfig): Filters => ({
  ...{ tool: tools, prompt: prompts, resource: resources, template: templates },
});
