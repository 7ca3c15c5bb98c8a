import type { MESSAGE_LIMITS, UpstreamConfig } from "../../config/schema.ts";

/** Under which name the channels of every transport take each of the configured limits. */
const NAMES = { max_result_bytes: "maxMessageBytes" } as const satisfies Readonly<
  Record<keyof typeof MESSAGE_LIMITS, string>
>;

/** What one message of an upstream may cost, as channels take it. */
export type MessageLimits = { readonly [Key in keyof typeof NAMES as (typeof NAMES)[Key]]: UpstreamConfig[Key] };

const ENTRIES = Object.entries(NAMES) as [keyof typeof NAMES, keyof MessageLimits][];

export const messageLimits = (config: UpstreamConfig): MessageLimits =>
  Object.fromEntries(ENTRIES.map(([key, name]) => [name, config[key]])) as unknown as MessageLimits;
