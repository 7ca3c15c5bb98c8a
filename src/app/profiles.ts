import type { Offer } from "../core/catalog.ts";
import { TASKS_EXTENSION } from "../core/extensions.ts";
import type { Profile } from "../core/front.ts";
import { Payload } from "../core/payload.ts";
import { strictest } from "../wire/caching.ts";
import { LIVE_TTL_MS, type Part, profileHint } from "./freshness.ts";

/** An upstream as far as the gateway speaks for it. */
export interface Described extends Part {
  readonly name: string;
}

/** Clients build prefixes from these, so they are short. */
const infoOf = (version: string): Payload => Payload.of({ name: "rad", title: "Radium", version });

/**
 * What the merged endpoint can do does not depend on which upstream is up at the moment: an agent asks once and keeps
 * the answer, and an empty list is an honest one.
 */
const CAPABILITIES = Payload.of({
  tools: { listChanged: true },
  prompts: { listChanged: true },
  resources: { listChanged: true, subscribe: true },
  completions: {},
  logging: {},
});

/** Clients cut what is longer. */
const LONGEST_INSTRUCTIONS = 2_048;
/** Less says nothing: then the last ones have no room. */
const LEAST_SHARE = 32;

export function mergedProfile(upstreams: readonly Described[], version: string): Profile {
  const parts = upstreams.flatMap(({ name, offer }) =>
    offer?.instructions ? [`# ${name}\n${offer.instructions.trim()}`] : [],
  );
  return {
    capabilities: CAPABILITIES.with({ extensions: mergedExtensions(upstreams.flatMap(({ offer }) => offer ?? [])) }),
    instructions: compose(parts),
    serverInfo: infoOf(version),
    // Another configuration changes it, and nobody is told.
    hint: strictest([...(upstreams.length > 0 ? [ALWAYS] : []), profileHint(upstreams)]),
  };
}

const ALWAYS = { ttlMs: LIVE_TTL_MS, cacheScope: "public" } as const;

/** Extensions that work with any number of upstreams: by ids of ours, or by nothing but content. */
const SHARED = new Set([TASKS_EXTENSION, "io.modelcontextprotocol/ui"]);

/** Of any other, requests could not be brought to the right one of several upstreams. */
function mergedExtensions(offers: readonly Offer[]): Buffer | undefined {
  const holders = new Map<string, Buffer[]>();
  for (const { capabilities } of offers) {
    const extensions = capabilities.object("extensions");
    for (const name of extensions?.keys() ?? []) {
      const settings = extensions?.object(name);
      if (settings) holders.set(name, [...(holders.get(name) ?? []), settings.bytes]);
    }
  }
  const routable = [...holders].filter(([name, settings]) => settings.length === 1 || SHARED.has(name));
  if (routable.length === 0) return undefined;
  return Payload.of({}).with(Object.fromEntries(routable.map(([name, [settings]]) => [name, settings]))).bytes;
}

/** Every upstream gets its share of the room, so that a talkative one does not silence the others. */
function compose(parts: readonly string[]): string | undefined {
  if (parts.length === 0) return undefined;
  const whole = parts.join("\n\n");
  if (whole.length <= LONGEST_INSTRUCTIONS) return whole;
  const share = Math.max(LEAST_SHARE, Math.floor(LONGEST_INSTRUCTIONS / parts.length) - 3);
  const cut = parts.map(part => (part.length > share ? `${part.slice(0, share)}…` : part)).join("\n\n");
  return cut.slice(0, LONGEST_INSTRUCTIONS);
}

/** One upstream as it presents itself, without what passes only between it and its client. */
export function singleProfile(upstream: Described, version: string): Profile {
  const { name, offer } = upstream;
  const hint = profileHint([upstream]);
  const unnamed = Payload.of({ name, version });
  if (!offer) return { capabilities: CAPABILITIES, instructions: undefined, serverInfo: unnamed, hint };
  const capabilities = offer.capabilities.with({ tasks: undefined });
  return { capabilities, instructions: offer.instructions, serverInfo: offer.serverInfo ?? unnamed, hint };
}
