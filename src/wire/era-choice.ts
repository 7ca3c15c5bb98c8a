import type { Payload } from "../core/payload.ts";
import { NO_CAPABILITIES, openingCapabilities } from "./capabilities.ts";
import type { UpstreamEra } from "./era.ts";

/**
 * In which era an agent has most of what an upstream can do that speaks both: an agent that converses can be asked and
 * told things between request and answer, which upstreams do only in a conversation.
 */
export const eraOf = (converses: boolean): UpstreamEra["name"] => (converses ? "legacy" : "modern");

/** What an upstream is told at the opening of a conversation that an agent with these capabilities can be asked for. */
export function declaredIn(era: UpstreamEra["name"], capabilities: Payload): Payload {
  const known = DECLARED_BY[era].get(capabilities);
  if (known) return known;
  const declared = DECLARED[era](capabilities);
  DECLARED_BY[era].set(capabilities, declared);
  return declared;
}

const DECLARED: Readonly<Record<UpstreamEra["name"], (capabilities: Payload) => Payload>> = {
  legacy: openingCapabilities,
  // It learns that with each request.
  modern: () => NO_CAPABILITIES,
};
/** An agent that converses says it once and calls often. */
const DECLARED_BY: Readonly<Record<UpstreamEra["name"], WeakMap<Payload, Payload>>> = {
  legacy: new WeakMap(),
  modern: new WeakMap(),
};
