/** Bytes of definitions that all upstreams together may have kept. */
export const OFFER_ROOM_BYTES = 256 * 1024 * 1024;

/** Shares out what may be kept of lists. Each reader has a place, named by any object of its own. */
export interface OfferRoom {
  /** How much there is for it, what it keeps already included. */
  leftFor(place: object): number;
  /** It keeps so much from now on. */
  keep(place: object, bytes: number): void;
}

export function createOfferRoom(mostBytes: number = OFFER_ROOM_BYTES): OfferRoom {
  const kept = new Map<object, number>();
  let all = 0;
  return {
    leftFor: place => mostBytes - all + (kept.get(place) ?? 0),
    keep(place, bytes) {
      all += bytes - (kept.get(place) ?? 0);
      if (bytes === 0) kept.delete(place);
      else kept.set(place, bytes);
    },
  };
}
