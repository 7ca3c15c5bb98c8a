import { KINDS, type Kind, type Offer } from "../core/catalog.ts";
import type { Payload } from "../core/payload.ts";
import { malformed } from "../core/repair.ts";
import type { OpenSchema, Repairs } from "../core/repairs.ts";
import { LIMITS, type SchemaCompilers } from "../lib/schema-compilers.ts";
import { createSlices } from "../lib/slices.ts";

interface Inspection {
  readonly repairs: Repairs;
  readonly compilers: SchemaCompilers;
  now(): number;
}

/**
 * Finds out all that must be known of an offer before agents see it, so that a catalog is made of it without delay. Tells
 * whether there was anything to find out.
 */
export async function inspectOffer(offer: Offer, { repairs, compilers, now }: Inspection): Promise<boolean> {
  const slices = createSlices(now);
  const open: OpenSchema[] = [];
  const large: { readonly kind: Kind; readonly definition: Payload }[] = [];
  for (const kind of KINDS) {
    for (const definition of offer.definitions[kind]) {
      if (repairs.isTooLarge(kind, definition)) large.push({ kind, definition });
      else open.push(...repairs.open(kind, definition));
      malformed(definition);
      await slices.rest();
    }
  }
  if (open.length > 0) await compilers.compile(open);
  let spent = 0;
  for (const { kind, definition } of large) {
    let found = await compilers.repair(kind, definition, spent < LIMITS.tooMuch);
    if (found.isSpent) {
      spent++;
      // Whatever only a compiler could judge is left out.
      found = await compilers.repair(kind, definition, false);
    }
    repairs.learn(kind, definition, found.repair);
    await slices.rest();
  }
  return open.length + large.length > 0;
}
