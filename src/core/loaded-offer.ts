import { createHash } from "node:crypto";
import { KINDS, type Kind, type LoadedOffer } from "./catalog.ts";

/** Per kind, native name → digest of its definition. A kind whose list was never read is left out. */
export type LoadedDigests = Partial<Readonly<Record<Kind, ReadonlyMap<string, string>>>>;

export function loadedOffer(digests: LoadedDigests): LoadedOffer {
  let whole: string | undefined;
  return {
    knows: kind => digests[kind] !== undefined,
    digest: (kind, native) => digests[kind]?.get(native),
    get whole() {
      if (KINDS.every(kind => (digests[kind]?.size ?? 0) === 0)) return undefined;
      whole ??= wholeOf(digests);
      return whole;
    },
  };
}

function wholeOf(digests: LoadedDigests): string {
  const hash = createHash("sha256");
  for (const kind of KINDS) {
    const entries = [...(digests[kind] ?? [])].sort(([a], [b]) => (a < b ? -1 : 1));
    hash.update(JSON.stringify([kind, digests[kind] !== undefined, entries]));
  }
  return hash.digest("base64");
}
