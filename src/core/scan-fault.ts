import { Payload } from "./payload.ts";
import { ScanError, type ScanLimits } from "./scan-limits.ts";

/** Why a definition's text cannot be taken within these limits, in words; `undefined` when it can. */
export function scanFault(text: Buffer, limits: ScanLimits): string | undefined {
  try {
    Payload.parse(text, limits);
    return undefined;
  } catch (error) {
    if (error instanceof ScanError) return FAULTS[error.reason];
    throw error;
  }
}

const FAULTS: Readonly<Record<ScanError["reason"], string>> = {
  syntax: "the definition is not well-formed JSON",
  too_deep: "the definition is nested too deep",
  too_many: "the definition has too many members",
  duplicate_key: "the definition has one key twice",
};
