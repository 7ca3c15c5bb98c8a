import { createHash } from "node:crypto";
import { type FSWatcher, readFileSync, watch } from "node:fs";
import { dirname } from "node:path";
import type { Clock } from "../core/ports.ts";

/** Editors and orchestrators write in several steps. */
const QUIET_MS = 300;

/**
 * Calls `changed` when the content of a file is another one than before. Watches the folder, not the file: editors
 * replace files, and mounted configurations swap a link beside them. Returns the function that ends it.
 */
export function watchFile(path: string, options: { clock: Clock; changed: () => void }): () => void {
  const { clock, changed } = options;
  let known = digest(path);
  let cancel = (): void => {};
  let watcher: FSWatcher | undefined;

  function look(): void {
    const now = digest(path);
    // A file that is gone for the moment is about to be replaced.
    if (now === undefined || now === known) return;
    known = now;
    changed();
  }

  try {
    watcher = watch(dirname(path), { persistent: false }, () => {
      cancel();
      cancel = clock.after(QUIET_MS, look);
    });
    watcher.on("error", () => watcher?.close());
  } catch {
    // Where folders cannot be watched, `reload` and SIGHUP still work.
  }
  return () => {
    cancel();
    watcher?.close();
  };
}

function digest(path: string): string | undefined {
  try {
    return createHash("sha256").update(readFileSync(path)).digest("hex");
  } catch {
    return undefined;
  }
}
