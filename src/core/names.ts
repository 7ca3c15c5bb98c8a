/**
 * The three names that people confuse, kept apart by type. A tool's identity is its upstream and its native name;
 * the public name is what agents see, and is looked up in a table, never taken apart.
 */
declare const brand: unique symbol;
type Branded<Name extends string> = string & { readonly [brand]: Name };

/** What an upstream calls its own tool or prompt, or the URI of its resource. */
export type NativeName = Branded<"native">;
/** What agents see. */
export type PublicName = Branded<"public">;
/** The name of an upstream in the configuration. */
export type UpstreamName = Branded<"upstream">;
/** Who asks, as far as limits, sessions and sealed values are concerned. */
export type Principal = Branded<"principal">;
/** The agent, as far as conversations with upstreams go: its session with us, or what stands in for one. */
export type OwnerId = Branded<"owner">;

export const nativeName = (text: string): NativeName => text as NativeName;
export const publicName = (text: string): PublicName => text as PublicName;
export const upstreamName = (text: string): UpstreamName => text as UpstreamName;
export const principal = (text: string): Principal => text as Principal;
export const ownerId = (text: string): OwnerId => text as OwnerId;
