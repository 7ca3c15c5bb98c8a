import type { Environment } from "../lib/platform.ts";
import { readSealKey, SEAL_KEY_VARIABLE } from "../lib/seal-key.ts";
import { fail } from "./errors.ts";

/** Ends the command when the environment holds something that is no key: another one would only be found out later. */
export function sealKey(path: string | null, environment: Environment, trouble: (detail: string) => void): Buffer {
  const found = readSealKey({ path, environment });
  if (found.kind === "refused") {
    const where = `environment variable ${SEAL_KEY_VARIABLE}`;
    fail("didNotStart", found.detail, { where, help: ["Give all processes the same key, or unset it."] });
  }
  if (found.trouble !== undefined) trouble(found.trouble);
  return found.key;
}
