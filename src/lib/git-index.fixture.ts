import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Writes a repository whose index, of version 2, tracks one file. `hash`: of its content, 40 hexadecimal digits. */
export function repositoryTracking(gitFolder: string, path: string, hash: string): void {
  const entry = Buffer.alloc(Math.ceil((62 + path.length + 1) / 8) * 8);
  entry.writeUInt32BE(0o100644, 24);
  entry.write(hash, 40, "hex");
  entry.writeUInt16BE(path.length, 60);
  entry.write(path, 62);
  const header = Buffer.from("DIRC\0\0\0\x02\0\0\0\x01", "latin1");
  mkdirSync(gitFolder, { recursive: true });
  writeFileSync(join(gitFolder, "HEAD"), "");
  writeFileSync(join(gitFolder, "index"), Buffer.concat([header, entry, Buffer.alloc(20)]));
}
