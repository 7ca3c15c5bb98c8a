import type { Payload } from "../core/payload.ts";

/** How many texts are remembered, and how long ones. */
const SLOTS = 64;
const LONGEST_BYTES = 4 * 1024;

/** Remembers what was made of a `_meta`: most clients send the same one with every request. */
export interface RepeatedMeta<Made> {
  /** What was made of the `_meta` of these parameters, byte for byte the same, if it is still known. */
  find(params: Payload): Made | undefined;
  keep(params: Payload, made: Made): void;
}

interface Slot<Made> {
  /** `undefined` where there was none. */
  readonly meta: Buffer | undefined;
  readonly made: Made;
}

export function repeatedMeta<Made>(): RepeatedMeta<Made> {
  const slots = new Array<Slot<Made> | undefined>(SLOTS).fill(undefined);
  const placeOf = (params: Payload): number => params.sampleOf("_meta") % SLOTS;
  return {
    find(params) {
      const slot = slots[placeOf(params)];
      if (!slot) return undefined;
      const isSame = slot.meta ? params.spells("_meta", slot.meta) : !params.has("_meta");
      return isSame ? slot.made : undefined;
    },
    keep(params, made) {
      const meta = params.raw("_meta");
      if (meta && meta.length > LONGEST_BYTES) return;
      // A copy: a view would keep the whole message.
      slots[placeOf(params)] = { meta: meta && Buffer.from(meta), made };
    },
  };
}
