import type { Principal } from "../core/names.ts";

/** What one session keeps, as part of what all of them may. */
export interface EventShare {
  readonly bytes: number;
  /** More is kept now, or less. What is too much for all is taken from whoever keeps most. */
  change(bytes: number): void;
  /** Nothing is kept any more. */
  end(): void;
}

/**
 * What all sessions together may keep of what they sent. Where it is not enough, the principal that keeps most gives
 * room, and of its sessions the one that keeps most: many sessions of one cannot push out what the others keep.
 */
export interface EventBudget {
  /** `forgetHalf` lets go of the older half of what is kept, of one event at least. */
  share(principal: Principal, forgetHalf: () => void): EventShare;
  readonly bytes: number;
}

interface Share {
  bytes: number;
  readonly forgetHalf: () => void;
}

interface Owner {
  bytes: number;
  readonly shares: Set<Share>;
}

export function createEventBudget(maxBytes: number): EventBudget {
  const owners = new Map<Principal, Owner>();
  let total = 0;

  /** Half of what somebody keeps at a time: looking for whoever keeps most is not done for every event. */
  function makeRoom(): void {
    while (total > maxBytes) largest(largest(owners.values())?.shares ?? [])?.forgetHalf();
  }

  return {
    get bytes() {
      return total;
    },
    share(principal, forgetHalf) {
      const owner = owners.get(principal) ?? { bytes: 0, shares: new Set() };
      owners.set(principal, owner);
      const share: Share = { bytes: 0, forgetHalf };
      owner.shares.add(share);
      const change = (bytes: number): void => {
        share.bytes += bytes;
        owner.bytes += bytes;
        total += bytes;
        if (bytes > 0) makeRoom();
      };
      return {
        get bytes() {
          return share.bytes;
        },
        change,
        end() {
          change(-share.bytes);
          owner.shares.delete(share);
          if (owner.shares.size === 0 && owners.get(principal) === owner) owners.delete(principal);
        },
      };
    },
  };
}

function largest<T extends { readonly bytes: number }>(all: Iterable<T>): T | undefined {
  let found: T | undefined;
  for (const one of all) if (!found || one.bytes > found.bytes) found = one;
  return found;
}
