import type { NativeName } from "../../core/names.ts";

/** More different things hardly ever ask; beyond it the oldest is forgotten. */
const MAX_KNOWN = 1_000;

/** What of an upstream has asked by a request in the middle of a call, which only a conversation of its agent allows. */
export interface Asking {
  add(method: string, native: NativeName): void;
  has(method: string, native: NativeName): boolean;
}

export function createAsking(): Asking {
  const known = new Set<string>();
  return {
    add(method, native) {
      known.add(`${method} ${native}`);
      for (const oldest of known) {
        if (known.size <= MAX_KNOWN) break;
        known.delete(oldest);
      }
    },
    has: (method, native) => known.size > 0 && known.has(`${method} ${native}`),
  };
}
