import type { Offer } from "../core/catalog.ts";
import type { OpenSchema, Repairs } from "../core/repairs.ts";
import type { SchemaCompilers } from "../lib/schema-compilers.ts";

/** Looking at definitions takes turns with everything else that this process does. */
const SLICE_MS = 5;

/**
 * Finds out all that must be known of an offer before agents see it, so that a catalog is made of it without delay. Tells
 * whether there was anything to find out.
 */
export function inspectOffer(
  offer: Offer,
  { repairs, compilers, now }: { repairs: Repairs; compilers: SchemaCompilers; now(): number },
): Promise<boolean> {
  return inspect(offer, repairs, now).then(async open => {
    if (open.length > 0) await compilers.compile(open);
    return open.length > 0;
  });
}

async function inspect(offer: Offer, repairs: Repairs, now: () => number): Promise<OpenSchema[]> {
  const open: OpenSchema[] = [];
  let pauseAt = now() + SLICE_MS;
  for (const definition of offer.definitions.tool) {
    open.push(...repairs.open("tool", definition));
    if (now() < pauseAt) continue;
    await new Promise(resolve => setImmediate(resolve));
    pauseAt = now() + SLICE_MS;
  }
  return open;
}
