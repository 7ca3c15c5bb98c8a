import type { Config } from "../config/schema.ts";

/** Where agents come in: Streamable HTTP, and HTTP+SSE of 2024-11-05. */
export type Entrance = "/mcp" | "/sse";

/** Which entrances the port has, by the key `transport`; agents are told the first. */
export const ENTRANCES: Readonly<Record<Config["transport"], readonly Entrance[]>> = {
  auto: ["/mcp", "/sse"],
  http: ["/mcp"],
  sse: ["/sse"],
};
