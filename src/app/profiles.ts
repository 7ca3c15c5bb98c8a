import type { Offer } from "../core/catalog.ts";
import type { Profile } from "../core/front.ts";
import { Payload } from "../core/payload.ts";

/** Clients build prefixes from these, so they are short. */
const infoOf = (version: string): Payload => Payload.of({ name: "rad", title: "Radium", version });

/**
 * What the merged endpoint can do does not depend on which upstream is up at the moment: an agent asks once and keeps
 * the answer, and an empty list is an honest one.
 */
const CAPABILITIES = Payload.of({
  tools: { listChanged: true },
  prompts: { listChanged: true },
  resources: { listChanged: true },
  completions: {},
  logging: {},
});

/** Clients cut what is longer. */
const LONGEST_INSTRUCTIONS = 2_048;

export function mergedProfile(
  upstreams: readonly { name: string; offer: Offer | undefined }[],
  version: string,
): Profile {
  const parts = upstreams.flatMap(({ name, offer }) =>
    offer?.instructions ? [`# ${name}\n${offer.instructions.trim()}`] : [],
  );
  return { capabilities: CAPABILITIES, instructions: compose(parts), serverInfo: infoOf(version) };
}

/** Every upstream gets its share of the room, so that a talkative one does not silence the others. */
function compose(parts: readonly string[]): string | undefined {
  if (parts.length === 0) return undefined;
  const whole = parts.join("\n\n");
  if (whole.length <= LONGEST_INSTRUCTIONS) return whole;
  const share = Math.floor(LONGEST_INSTRUCTIONS / parts.length) - 3;
  return parts.map(part => (part.length > share ? `${part.slice(0, share)}…` : part)).join("\n\n");
}

/** One upstream as it presents itself, without what passes only between it and its client. */
export function singleProfile(name: string, offer: Offer | undefined, version: string): Profile {
  if (!offer) return { capabilities: CAPABILITIES, instructions: undefined, serverInfo: Payload.of({ name, version }) };
  const resources = offer.capabilities.object("resources")?.with({ subscribe: undefined });
  const capabilities = offer.capabilities.with({ tasks: undefined, ...(resources && { resources: resources.bytes }) });
  return {
    capabilities,
    instructions: offer.instructions,
    serverInfo: offer.serverInfo ?? Payload.of({ name, version }),
  };
}
