import { join } from "node:path";
import { readOwnFile, replaceFile } from "../lib/replace-file.ts";
import { needPrivateFolder } from "../lib/run-file.ts";
import type { Spoken } from "../upstream/connection/speaks.ts";
import { hashOf } from "./offer-store.ts";

/** What each upstream was found to speak, on disk beside its catalog, so that a restart does not find it out again. */
export interface SpokenStore {
  load(name: string, identity: string): Spoken | undefined;
  save(name: string, identity: string, spoken: Spoken): void;
}

const FORMAT = 1;
const NOTHING: SpokenStore = { load: () => undefined, save: () => {} };

/** Without a folder nothing is kept. A file that cannot be read or written is as good as none. */
export function createSpokenStore(folder: string | null, trouble: (detail: string) => void): SpokenStore {
  if (folder === null) return NOTHING;
  const pathOf = (name: string): string => join(folder, `${hashOf(name).slice(0, 16)}.speaks.json`);
  return {
    load(name, identity) {
      try {
        const kept = readOwnFile(pathOf(name));
        return kept && decode(JSON.parse(kept.toString()), hashOf(identity));
      } catch {
        return undefined;
      }
    },
    save(name, identity, { speaks, server }) {
      try {
        needPrivateFolder(folder);
        const { legacy = null, modern = null } = speaks;
        const file = {
          format: FORMAT,
          upstream: name,
          identity: hashOf(identity),
          server: server ?? null,
          legacy,
          modern,
        };
        replaceFile(pathOf(name), JSON.stringify(file));
      } catch (error) {
        trouble(`what "${name}" speaks could not be kept: ${(error as Error).message}`);
      }
    },
  };
}

function decode(file: Readonly<Record<string, unknown>>, identity: string): Spoken | undefined {
  if (file.format !== FORMAT || file.identity !== identity) return undefined;
  const known = (value: unknown): boolean | undefined => (typeof value === "boolean" ? value : undefined);
  return {
    speaks: { legacy: known(file.legacy), modern: known(file.modern) },
    server: typeof file.server === "string" ? file.server : undefined,
  };
}
