/** What the gateway changes in a message, and nothing else. `docs/eras.md` shows it. */
interface Change {
  readonly where: "request" | "result";
  /** A member, or `_meta.` and a key in it. */
  readonly member: string;
  readonly what: string;
}

const META = "io.modelcontextprotocol/";

const CHANGES: readonly Change[] = [
  {
    where: "request",
    member: `_meta.${META}protocolVersion`,
    what: "the revision that the upstream speaks; absent from 2025-11-25 back",
  },
  { where: "request", member: `_meta.${META}clientInfo`, what: "the gateway; absent from 2025-11-25 back" },
  {
    where: "request",
    member: `_meta.${META}clientCapabilities`,
    what: "what the agent can be asked for; absent from 2025-11-25 back",
  },
  {
    where: "request",
    member: `_meta.${META}logLevel`,
    what: "the level that the agent wants; absent from 2025-11-25 back",
  },
  { where: "request", member: "_meta.progressToken", what: "the gateway's own; the agent hears its own again" },
  { where: "result", member: "resultType", what: "only towards agents of 2026-07-28" },
  { where: "result", member: "ttlMs", what: "only towards agents of 2026-07-28, on lists and reads" },
  { where: "result", member: "cacheScope", what: "only towards agents of 2026-07-28, on lists and reads" },
  {
    where: "result",
    member: `_meta.${META}serverInfo`,
    what: "who the upstream is; only revision 2026-07-28 says so",
  },
];

const membersOf = (place: Change["where"]): string[] =>
  CHANGES.filter(({ where }) => where === place).map(({ member }) => member);
export const OF_REQUESTS: readonly string[] = membersOf("request");
export const OF_RESULTS: readonly string[] = membersOf("result");

/** The table as Markdown. */
export const changesTable = (): string =>
  [
    "| in | member | is |",
    "|---|---|---|",
    ...CHANGES.map(({ where, member, what }) => `| ${where} | \`${member}\` | ${what} |`),
  ].join("\n");
