import { buildCatalog, type CatalogRules } from "./build-catalog.ts";
import { type Catalog, KINDS, type Kind, type LoadedOffer, type Source } from "./catalog.ts";
import { definitionDigest } from "./definition-digest.ts";
import { loadedOffer } from "./loaded-offer.ts";
import { upstreamName } from "./names.ts";
import { Payload } from "./payload.ts";
import { IDENTITY } from "./repair.ts";
import { createRepairs } from "./repairs.ts";
import { NO_COMPILERS } from "./schema-verdicts.ts";
import { finish } from "./steps.ts";

type Definition = string | Record<string, unknown>;

export interface Plan extends Partial<Omit<Source, "name" | "offer">> {
  readonly tool?: readonly Definition[];
  readonly prompt?: readonly Definition[];
  readonly resource?: readonly Definition[];
  readonly template?: readonly Definition[];
  readonly unseen?: boolean;
}

export const toolNamed = (name: string): Record<string, unknown> => ({ name, inputSchema: { type: "object" } });

const SHORT: Readonly<Record<Kind, (text: string) => object>> = {
  tool: toolNamed,
  prompt: name => ({ name }),
  resource: uri => ({ uri, name: uri }),
  template: text => ({ uriTemplate: text, name: text }),
};

const payloads = (kind: Kind, definitions: readonly Definition[] = []): Payload[] =>
  definitions.map(definition => Payload.of(typeof definition === "string" ? SHORT[kind](definition) : definition));

/** What an upstream that offers this now may have offered when its configuration was loaded. */
export function loadedFrom(plan: Readonly<Partial<Record<Kind, readonly Definition[] | undefined>>>): LoadedOffer {
  const digests = KINDS.map(kind => [
    kind,
    new Map(payloads(kind, plan[kind]).map(each => [each.string(IDENTITY[kind])!, definitionDigest(each)])),
  ]);
  return loadedOffer(Object.fromEntries(digests));
}

/** An upstream that offers this; texts stand for the smallest definitions of that name or URI. */
export function source(name: string, { tool, prompt, resource, template, unseen, ...rest }: Plan): Source {
  return {
    name: upstreamName(name),
    priority: 1,
    group: undefined,
    fingerprint: name,
    filters: {},
    loaded: unseen ? undefined : loadedFrom({ tool, prompt, resource, template }),
    ...rest,
    offer: unseen
      ? undefined
      : {
          upstream: upstreamName(name),
          capabilities: Payload.of({ tools: {}, ...(resource || template ? { resources: {} } : {}) }),
          serverInfo: undefined,
          instructions: undefined,
          definitions: {
            tool: payloads("tool", tool),
            prompt: payloads("prompt", prompt),
            resource: payloads("resource", resource),
            template: payloads("template", template),
          },
          pages: { tool: undefined, prompt: undefined, resource: undefined, template: undefined },
          hints: { tool: undefined, prompt: undefined, resource: undefined, template: undefined, profile: undefined },
        },
  };
}

/** Under the default rules, but for `rules`. */
export function build(sources: readonly Source[], rules: Partial<CatalogRules> = {}): Catalog {
  return finish(
    buildCatalog({
      sources,
      strategy: "auto_prefix",
      naming: "auto",
      maxNameLength: 46,
      repairs: createRepairs(NO_COMPILERS),
      ...rules,
    }),
  );
}

export const listed = (catalog: Catalog, kind: Kind = "tool"): string[] =>
  catalog.entries[kind].map(entry => entry.name);
/** Where a name leads: `upstream:native`, alternatives after a bar; or why it leads nowhere. */
export function leads(catalog: Catalog, name: string, kind: Kind = "tool"): string {
  const resolution = catalog.resolve(kind, name);
  if (resolution.kind === "ambiguous") return `ambiguous: ${resolution.choices.join(", ")}`;
  if (resolution.kind === "unknown") return `unknown: ${resolution.nearest.join(", ")}`;
  return resolution.entry.holders.map(holder => `${holder.upstream}:${holder.native}`).join(" | ");
}
