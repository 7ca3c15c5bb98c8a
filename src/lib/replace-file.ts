import { renameSync, writeFileSync } from "node:fs";

/** Writes a file that only its owner may read. Whoever reads it, at whatever moment, finds the old content or the new one. */
export function replaceFile(path: string, content: string | Uint8Array): void {
  writeFileSync(`${path}.new`, content, { mode: 0o600 });
  renameSync(`${path}.new`, path);
}
