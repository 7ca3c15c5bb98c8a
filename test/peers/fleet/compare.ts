import type { Json } from "../../fixtures/upstream/contract.ts";
import { DROPPED, EXPLAINED, IMPOSSIBLE } from "./explained.ts";
import { FEATURES, type Feature, type FeatureName, type Sight } from "./features.ts";
import type { Row } from "./ways.ts";

export type Sights = Readonly<Partial<Record<FeatureName, Sight>>>;

/** What a server gives directly, by era; `modern` is undefined where it speaks none. */
export interface Direct {
  readonly legacy: Sights;
  readonly modern: Sights | undefined;
}

/**
 * Why an agent cannot count on a feature that works directly, if it cannot. `bridged`: the server does not speak its era.
 */
export function unpromised(
  feature: FeatureName,
  row: Row,
  { sdk, bridged }: { readonly sdk: string; readonly bridged: boolean },
): string | undefined {
  if (bridged && row.era === "modern" && IMPOSSIBLE[feature] !== undefined) return IMPOSSIBLE[feature];
  const { asks }: Feature = FEATURES[feature];
  if (asks && row.way === "stdio shared") return "`shared` never asks";
  return EXPLAINED.find(({ features, where }) => features.includes(feature) && where(row, sdk))?.reason;
}

/**
 * What an agent has to see through the gateway: what it sees directly, in its own era, where that works. A modern agent in
 * front of a server that knows sessions only has what an agent with a session has, as far as it can be given to it.
 */
export function promised(
  feature: FeatureName,
  row: Row,
  { sdk, direct }: { readonly sdk: string; readonly direct: Direct },
): Json | undefined {
  const own = direct[row.era];
  const sight = (own ?? direct.legacy)[feature];
  if (!sight?.works || unpromised(feature, row, { sdk, bridged: own === undefined }) !== undefined) return undefined;
  const dropped = own === undefined ? DROPPED[feature] : undefined;
  return dropped ? dropped(sight.seen) : sight.seen;
}
