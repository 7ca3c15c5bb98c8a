import type { Json } from "../../fixtures/upstream/contract.ts";
import type { FeatureName } from "./features.ts";
import type { Row } from "./ways.ts";

/** What a modern agent cannot be given of a server that knows sessions only, and why. */
export const IMPOSSIBLE: Partial<Record<FeatureName, string>> = {
  log: "a modern agent gets log lines only where its request names a level",
};

/** What a modern client drops of what a server with sessions says, because its revision has no such member. */
export const DROPPED: Partial<Record<FeatureName, (seen: Json) => Json>> = {
  tools: ({ tools }) => ({ tools: (tools as Json[]).map(({ execution, ...definition }) => definition) }),
};

/** A difference that stays, with its reason. Each is reviewed by hand. */
interface Explained {
  readonly features: readonly FeatureName[];
  readonly where: (row: Row, sdk: string) => boolean;
  /** As `docs/compatibility.md` says it. */
  readonly place: string;
  readonly reason: string;
}

const oneChild = ({ way }: Row): boolean => way === "stdio shared" || way === "stdio auto";

export const EXPLAINED: readonly Explained[] = [
  {
    features: ["whoami: name"],
    where: () => true,
    place: "everywhere",
    reason: "the gateway is the client of its upstreams and says so; capabilities are the agent's",
  },
  {
    features: ["whoami: capabilities"],
    where: ({ way }) => way === "stdio shared",
    place: "`shared`",
    reason: "a child of all agents is told no capability: nobody can be asked",
  },
  {
    features: ["log", "log at a level"],
    where: ({ way }) => way === "stdio shared",
    place: "`shared`",
    reason: "a line names no call, so with several agents nobody knows whose it is",
  },
  {
    features: ["grow, for nobody else"],
    where: oneChild,
    place: "`shared` and `auto`",
    reason: "agents that share a child share its session, and what it adds to that session",
  },
  {
    features: ["log"],
    where: ({ era }, sdk) => era === "modern" && sdk === "rmcp",
    place: "rmcp, modern agents",
    reason: "it sends log lines to requests that name no level, which its revision forbids: they are not passed on",
  },
  {
    features: ["whoami: capabilities"],
    where: ({ way, era }, sdk) => way !== "http" && era === "modern" && sdk === "go-sdk",
    place: "go-sdk over stdio, modern agents",
    reason: "it takes what the first request of the connection declares for all later ones, whatever those declare",
  },
  {
    features: ["grow"],
    where: ({ way, era }, sdk) => way !== "http" && era === "modern" && sdk === "go-sdk",
    place: "go-sdk over stdio, modern agents",
    reason:
      "it tells nothing of lists any more once an earlier listen request of the connection is cancelled; the list itself is right",
  },
];
