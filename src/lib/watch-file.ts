import { createHash } from "node:crypto";
import { type FSWatcher, readFileSync, statSync, watch } from "node:fs";
import { dirname } from "node:path";
import type { Clock } from "../core/ports.ts";

/** Editors and orchestrators write in several steps. */
const QUIET_MS = 300;
/** A file torn between two lines may be well-formed, and a slow writer is quiet for longer: it has to be the same twice. */
const SETTLED_MS = 700;

/** How the file was found. */
interface Look {
  /** With the rights on it and on its folder: what was refused for them may be taken with others. */
  readonly content: string;
  /** Its place, size and time of writing, which show a write of the same bytes as well. */
  readonly state: string;
}

export interface WatchOptions {
  readonly clock: Clock;
  readonly changed: () => void;
  /** `reading`: the file was read a while ago and may have changed since, so `changed` is called once in any case. */
  readonly since?: "now" | "reading";
}

/**
 * Calls `changed` when the content of a file, or who may write to it, is other than before, and has been found the same
 * in two looks.
 * Watches the folder, not the file: editors replace files, and mounted configurations swap a link beside them. Returns
 * the function that ends it.
 */
export function watchFile(path: string, options: WatchOptions): () => void {
  const { clock, changed, since = "now" } = options;
  let known = since === "now" ? lookAt(path)?.content : undefined;
  let cancel = (): void => {};
  let watcher: FSWatcher | undefined;

  function look(before: Look | undefined): void {
    const now = lookAt(path);
    // A file that is gone for the moment is about to be replaced.
    if (now === undefined || now.content === known) return;
    if (now.state !== before?.state || now.content !== before.content) {
      cancel = clock.after(SETTLED_MS, () => look(now));
      return;
    }
    known = now.content;
    changed();
  }

  try {
    watcher = watch(dirname(path), { persistent: false }, () => {
      cancel();
      cancel = clock.after(QUIET_MS, () => look(undefined));
    });
    watcher.on("error", () => watcher?.close());
    if (since === "reading") cancel = clock.after(QUIET_MS, () => look(undefined));
  } catch {
    // Where folders cannot be watched, `reload` and SIGHUP still work.
  }
  return () => {
    cancel();
    watcher?.close();
  };
}

const rightsOf = ({ uid, gid, mode }: { uid: unknown; gid: unknown; mode: unknown }): string => `${uid} ${gid} ${mode}`;

function lookAt(path: string): Look | undefined {
  try {
    const { ino, size, mtimeNs, ...file } = statSync(path, { bigint: true });
    const folder = statSync(dirname(path));
    return {
      content: `${createHash("sha256").update(readFileSync(path)).digest("hex")} ${rightsOf(file)} ${rightsOf(folder)}`,
      state: `${ino} ${size} ${mtimeNs}`,
    };
  } catch {
    return undefined;
  }
}
