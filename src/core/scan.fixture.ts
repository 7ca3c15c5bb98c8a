import type { Member } from "./members.ts";
import { scanObject } from "./scan.ts";
import { AGENT_TEXT, ScanError, type ScanLimits } from "./scan-limits.ts";

export const scan = (text: string, limits: ScanLimits = AGENT_TEXT): Member => scanObject(Buffer.from(text), limits);

/** Why a text is no message, or `undefined` where it is one. */
export function refusal(text: string | Buffer, limits: ScanLimits = AGENT_TEXT): ScanError["reason"] | undefined {
  try {
    scanObject(Buffer.from(text), limits);
    return undefined;
  } catch (error) {
    if (error instanceof ScanError) return error.reason;
    throw error;
  }
}
