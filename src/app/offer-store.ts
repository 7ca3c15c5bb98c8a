import { createHash } from "node:crypto";
import { join } from "node:path";
import { KINDS, type Kind, type Offer } from "../core/catalog.ts";
import { upstreamName } from "../core/names.ts";
import { Payload } from "../core/payload.ts";
import { clearUnfinished, readOwnFile, replaceFile } from "../lib/replace-file.ts";
import { needPrivateFolder } from "../lib/run-file.ts";
import { cacheHintOf } from "../wire/caching.ts";

/**
 * What each upstream offered when it was last seen, on disk, so that names never change because something is down or
 * starts late. `identity` tells whether it is still the same upstream.
 */
export interface OfferStore {
  load(name: string, identity: string): Offer | undefined;
  save(offer: Offer, identity: string): void;
}

const FORMAT = 1;
const NOTHING: OfferStore = { load: () => undefined, save: () => {} };

/** Without a folder nothing is kept. A file that cannot be read or written is as good as none. */
export function createOfferStore(folder: string | null, trouble: (detail: string) => void): OfferStore {
  if (folder === null) return NOTHING;
  clearUnfinished(folder);
  const pathOf = (name: string): string => join(folder, `${hashOf(name).slice(0, 16)}.json`);
  return {
    load(name, identity) {
      try {
        const kept = readOwnFile(pathOf(name));
        return kept && decode(kept, name, identity);
      } catch {
        return undefined;
      }
    },
    save(offer, identity) {
      const path = pathOf(offer.upstream);
      try {
        needPrivateFolder(folder);
        replaceFile(path, encode(offer, identity));
      } catch (error) {
        trouble(`the catalog of "${offer.upstream}" could not be kept: ${(error as Error).message}`);
      }
    },
  };
}

export const hashOf = (text: string): string => createHash("sha256").update(text).digest("hex");

const NULL = Buffer.from("null");

function encode(offer: Offer, identity: string): Buffer {
  const lists = KINDS.map(kind => {
    const definitions = offer.definitions[kind].map(each => each.bytes.toString()).join(",");
    return `${JSON.stringify(kind)}:[${definitions}],"${kind}_page":${(offer.pages[kind]?.bytes ?? NULL).toString()}`;
  });
  const head = JSON.stringify({
    format: FORMAT,
    upstream: offer.upstream,
    // An address or a command line may hold credentials.
    identity: hashOf(identity),
    instructions: offer.instructions ?? null,
    hints: offer.hints,
    unread: offer.unread ?? [],
  });
  const capabilities = offer.capabilities.bytes.toString();
  const serverInfo = (offer.serverInfo?.bytes ?? NULL).toString();
  return Buffer.from(
    `${head.slice(0, -1)},"capabilities":${capabilities},"serverInfo":${serverInfo},${lists.join(",")}}`,
  );
}

function decode(text: Buffer, name: string, identity: string): Offer | undefined {
  const file = Payload.parse(text);
  const capabilities = file.object("capabilities");
  if (
    file.raw("format")?.toString() !== String(FORMAT) ||
    file.string("identity") !== hashOf(identity) ||
    !capabilities
  )
    return undefined;
  const hints = file.object("hints");
  const unread = file.raw("unread")?.toString() ?? "[]";
  const byKind = <Value>(read: (kind: Kind) => Value): Record<Kind, Value> => ({
    tool: read("tool"),
    prompt: read("prompt"),
    resource: read("resource"),
    template: read("template"),
  });
  return {
    upstream: upstreamName(name),
    capabilities,
    serverInfo: file.object("serverInfo"),
    instructions: file.string("instructions"),
    definitions: byKind(kind => file.list(kind) ?? []),
    pages: byKind(kind => file.object(`${kind}_page`)),
    hints: { ...byKind(kind => cacheHintOf(hints?.object(kind))), profile: cacheHintOf(hints?.object("profile")) },
    unread: KINDS.filter(kind => unread.includes(JSON.stringify(kind))),
  };
}
