import type { Doubt } from "./doubts.ts";
import { Payload } from "./payload.ts";
import { AmbiguousText } from "./scan.ts";
import { ScanError, type ScanLimits } from "./scan-limits.ts";

/** Why a definition's text cannot be taken within these limits, in words; `undefined` when it can. */
export function scanFault(text: Buffer, limits: ScanLimits): string | undefined {
  try {
    Payload.parse(text, limits);
    return undefined;
  } catch (error) {
    if (error instanceof AmbiguousText) return doubtful(error.doubts[0]);
    if (error instanceof ScanError && error.reason !== "ambiguous") return FAULTS[error.reason];
    throw error;
  }
}

const doubtful = (doubt: Doubt | undefined): string =>
  doubt?.kind === "twin"
    ? `the definition has a key that some readers take for "${doubt.member}"`
    : "the definition has one key twice";

const FAULTS: Readonly<Record<Exclude<ScanError["reason"], "ambiguous">, string>> = {
  syntax: "the definition is not well-formed JSON",
  too_deep: "the definition is nested too deep",
  too_many: "the definition has too many members",
};
