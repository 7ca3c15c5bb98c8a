/** How the gateway reaches a server. */
export const WAYS = {
  http: { transport: "http" },
  "stdio shared": { transport: "stdio", isolation: "shared" },
  "stdio auto": { transport: "stdio", isolation: "auto" },
  "stdio per_agent": { transport: "stdio", isolation: "per_agent" },
} as const;
export type Way = keyof typeof WAYS;
export type Transport = (typeof WAYS)[Way]["transport"];

/** Who asks: a client of SDK v1 with a session, or one of SDK v2 pinned to the revision without. */
export const ERAS = ["legacy", "modern"] as const;
export type AgentEra = (typeof ERAS)[number];
export const OTHER = { legacy: "modern", modern: "legacy" } as const satisfies Record<AgentEra, AgentEra>;

/** Where agents connect to the gateway. */
export const VIEWS = ["/mcp/<upstream>", "/mcp"] as const;
export type View = (typeof VIEWS)[number];

/** One row of the comparison: how the gateway reaches a server, and who asks. */
export interface Row {
  readonly way: Way;
  readonly era: AgentEra;
}

export const ROWS: readonly Row[] = (Object.keys(WAYS) as Way[]).flatMap(way => ERAS.map(era => ({ way, era })));
export const rowName = ({ way, era }: Row): string => `${way}, ${era} agent`;
