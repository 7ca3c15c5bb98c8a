import { createHash } from "node:crypto";
import { join } from "node:path";
import { KINDS, type Kind, type Offer } from "../core/catalog.ts";
import { upstreamName } from "../core/names.ts";
import { Payload } from "../core/payload.ts";
import { clearUnfinished, readOwnFile, replaceFile, replaceLargeFile } from "../lib/replace-file.ts";
import { needPrivateFolder } from "../lib/run-file.ts";
import { cacheHintOf } from "../wire/caching.ts";

/**
 * What each upstream offered when it was last seen, on disk, so that names never change because something is down or
 * starts late. `identity` tells whether it is still the same upstream.
 */
export interface OfferStore {
  load(name: string, identity: string): Offer | undefined;
  /** What is large is written while everything else goes on; of several for one upstream the last counts. */
  save(offer: Offer, identity: string): void;
  /** Resolves when all that was given is written. */
  saved(): Promise<void>;
}

const FORMAT = 1;
const NOTHING: OfferStore = { load: () => undefined, save: () => {}, saved: async () => {} };
/** What is smaller is written at once. */
const LARGE_BYTES = 128 * 1024;
const PART_BYTES = 128 * 1024;

/** Without a folder nothing is kept. A file that cannot be read or written is as good as none. */
export function createOfferStore(folder: string | null, trouble: (detail: string) => void): OfferStore {
  if (folder === null) return NOTHING;
  clearUnfinished(folder);
  const pathOf = (name: string): string => join(folder, `${hashOf(name).slice(0, 16)}.json`);
  const waiting = new Map<string, { readonly offer: Offer; readonly identity: string }>();
  let writing: Promise<void> | undefined;
  /** What was written last is not written again. */
  const written = new Map<string, { readonly offer: WeakRef<Offer>; readonly identity: string }>();

  const couldNot = (name: string, error: unknown): void =>
    trouble(`the catalog of "${name}" could not be kept: ${(error as Error).message}`);

  async function writeAll(): Promise<void> {
    for (const [name, { offer, identity }] of waiting) {
      waiting.delete(name);
      try {
        needPrivateFolder(folder!);
        await replaceLargeFile(pathOf(name), joined(encode(offer, identity)));
      } catch (error) {
        couldNot(name, error);
      }
    }
    writing = undefined;
  }

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
      const { upstream: name } = offer;
      const last = written.get(name);
      if (last?.offer.deref() === offer && last.identity === identity) return;
      written.set(name, { offer: new WeakRef(offer), identity });
      if (sizeOf(offer) > LARGE_BYTES || writing) {
        waiting.set(name, { offer, identity });
        writing ??= writeAll();
        return;
      }
      try {
        needPrivateFolder(folder);
        replaceFile(pathOf(name), Buffer.concat([...encode(offer, identity)]));
      } catch (error) {
        couldNot(name, error);
      }
    },
    saved: () => writing ?? Promise.resolve(),
  };
}

export const hashOf = (text: string): string => createHash("sha256").update(text).digest("hex");

const NULL = Buffer.from("null");
const COMMA = Buffer.from(",");

const sizeOf = ({ definitions, pages }: Offer): number =>
  KINDS.reduce(
    (sum, kind) => definitions[kind].reduce((bytes, { size }) => bytes + size, sum) + (pages[kind]?.size ?? 0),
    0,
  );

/** Parts of some size, made when they are asked for. */
function* joined(texts: Iterable<Buffer>): Iterable<Buffer> {
  let parts: Buffer[] = [];
  let bytes = 0;
  for (const text of texts) {
    parts.push(text);
    bytes += text.length;
    if (bytes < PART_BYTES) continue;
    yield Buffer.concat(parts, bytes);
    [parts, bytes] = [[], 0];
  }
  yield Buffer.concat(parts, bytes);
}

function* encode(offer: Offer, identity: string): Iterable<Buffer> {
  const head = JSON.stringify({
    format: FORMAT,
    upstream: offer.upstream,
    // An address or a command line may hold credentials.
    identity: hashOf(identity),
    instructions: offer.instructions ?? null,
    hints: offer.hints,
    unread: offer.unread ?? [],
  });
  yield Buffer.from(`${head.slice(0, -1)},"capabilities":`);
  yield offer.capabilities.bytes;
  yield Buffer.from(`,"serverInfo":`);
  yield offer.serverInfo?.bytes ?? NULL;
  for (const kind of KINDS) {
    yield Buffer.from(`,${JSON.stringify(kind)}:[`);
    for (const [at, definition] of offer.definitions[kind].entries()) {
      if (at > 0) yield COMMA;
      yield definition.bytes;
    }
    yield Buffer.from(`],"${kind}_page":`);
    yield offer.pages[kind]?.bytes ?? NULL;
  }
  yield Buffer.from("}");
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
