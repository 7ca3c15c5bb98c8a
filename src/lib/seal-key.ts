import { randomBytes } from "node:crypto";
import { linkSync, unlinkSync } from "node:fs";
import type { Environment } from "./platform.ts";
import { readOwnFile, temporaryName, writeNewFile } from "./replace-file.ts";
import { SEAL_KEY_BYTES } from "./seal.ts";

/** Holds the key in place of the file, so that several processes can share it. */
export const SEAL_KEY_VARIABLE = "RADIUM_SEAL_KEY";

export type SealKey =
  | {
      readonly kind: "key";
      readonly key: Buffer /** Why it lasts only as long as this process. */;
      readonly trouble?: string;
    }
  /** What the environment holds is no key, and going on with another one would only be found out later. */
  | { readonly kind: "refused"; readonly detail: string };

/**
 * The key of everything that is sealed: from the environment (32 bytes in hex or base64), else from a file that is made
 * at the first start, readable for its owner only; without a path, one that dies with the process.
 */
export function readSealKey(options: { path: string | null; environment: Environment }): SealKey {
  const given = options.environment[SEAL_KEY_VARIABLE];
  if (given !== undefined && given !== "") return fromText(given.trim());
  const { path } = options;
  if (path === null) return { kind: "key", key: randomBytes(SEAL_KEY_BYTES) };
  try {
    return { kind: "key", key: read(path) ?? create(path) };
  } catch (error) {
    const trouble = `${path} cannot be used, so tickets and task ids end with this process: ${(error as Error).message}`;
    return { kind: "key", key: randomBytes(SEAL_KEY_BYTES), trouble };
  }
}

function fromText(text: string): SealKey {
  const key = /^[0-9a-fA-F]{64}$/.test(text) ? Buffer.from(text, "hex") : Buffer.from(text, "base64");
  if (key.length === SEAL_KEY_BYTES && /^[A-Za-z0-9+/_-]+={0,2}$/.test(text)) return { kind: "key", key };
  const detail = `${SEAL_KEY_VARIABLE} must hold ${SEAL_KEY_BYTES} bytes in hex or base64, as "openssl rand -hex 32" prints them`;
  return { kind: "refused", detail };
}

/** `undefined` when there is none. Throws when there is something that is none. */
function read(path: string): Buffer | undefined {
  const content = readOwnFile(path);
  if (!content) return undefined;
  const key = Buffer.from(content.toString("latin1").trim(), "hex");
  if (key.length !== SEAL_KEY_BYTES) throw new Error("it holds no key; delete it and a new one is made");
  return key;
}

/** A link appears with the whole key in it, or not at all; of two that try at once, both use the one that was first. */
function create(path: string): Buffer {
  const temporary = temporaryName(path);
  const key = randomBytes(SEAL_KEY_BYTES);
  writeNewFile(temporary, `${key.toString("hex")}\n`);
  try {
    linkSync(temporary, path);
    return key;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    return read(path) ?? key;
  } finally {
    unlinkSync(temporary);
  }
}
