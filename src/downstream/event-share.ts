import type { Ledger } from "../core/ledger.ts";
import type { Holding, Keeper } from "../core/ledger-entries.ts";

/** What one session keeps to be read again, as part of what all of them may. */
export interface EventShare {
  readonly bytes: number;
  /** More is kept now, or less. What is too much for all is taken from whoever keeps most. */
  change(bytes: number): void;
  /** Nothing is kept any more. */
  end(): void;
}

/** `forgetHalf` lets go of the older half of what is kept, of one event at least. */
export type ShareEvents = (forgetHalf: () => void) => EventShare;

/** A share of the book of all. Most sessions keep nothing, and have no entry there. */
export const shareEvents =
  (ledger: Ledger, keeper: Keeper): ShareEvents =>
  forgetHalf => {
    let held: Holding | undefined;
    return {
      get bytes() {
        return held?.bytes ?? 0;
      },
      change(bytes) {
        held ??= ledger.open(keeper, { kind: "events", bytes: 0, standing: () => "idle", shed: forgetHalf });
        if (bytes > 0) held?.add(bytes);
        else held?.shrink(-bytes);
      },
      end() {
        held?.end();
        held = undefined;
      },
    };
  };

/** Where nothing can be read again. */
export const keepNoEvents: ShareEvents = forgetHalf => {
  let kept = 0;
  return {
    get bytes() {
      return kept;
    },
    change(bytes) {
      kept += bytes;
      if (kept > 0) forgetHalf();
    },
    end() {
      kept = 0;
    },
  };
};
