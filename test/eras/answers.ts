import type { QuestionKind } from "../fixtures/upstream/converse-tool.ts";
import type { AgentKind, UpstreamKind } from "./kinds.ts";

/** What an agent may get where the protocol makes impossible what it asks for. */
export type Answer =
  /** The upstream's own refusal, as it is. */
  | "own_error"
  /** A tool result with `isError` that names the capability. */
  | "tool_error"
  /** HTTP 400, -32021 with `data.requiredCapabilities`. */
  | "missing_capability"
  /** HTTP 400, -32600. */
  | "refused"
  /** Silence. */
  | "nothing";

interface Row {
  readonly feature: string;
  readonly agents: string;
  readonly upstreams: string;
  readonly answer: Answer;
  readonly says: string;
  readonly why: string;
}

const agentLacks = "that did not declare the capability";
const LEGACY = "up to 2025-11-25";
const MODERN = "2026-07-28";

/** The one table of what is impossible, and what is answered. `docs/eras.md` shows it. */
export const IMPOSSIBLE = {
  undeclaredOverHandshake: {
    feature: "questions of a tool",
    agents: `any ${agentLacks}`,
    upstreams: LEGACY,
    answer: "own_error",
    says: "whatever the upstream says when it finds the capability undeclared, unchanged",
    why: "An upstream is told the capabilities of the agent it works for, at its handshake.",
  },
  undeclaredOverSession: {
    feature: "questions of a tool",
    agents: `${LEGACY}, ${agentLacks}`,
    upstreams: MODERN,
    answer: "tool_error",
    says: "a result with `isError: true` whose text names the capability",
    why: "-32021 does not exist before 2026-07-28, and a tool's trouble belongs where the model can read it.",
  },
  undeclaredOverRequest: {
    feature: "questions of a tool",
    agents: `${MODERN}, ${agentLacks}`,
    upstreams: MODERN,
    answer: "missing_capability",
    says: "HTTP 400 and -32021 with `data.requiredCapabilities`, as the upstream said it",
    why: "The agent can send the request again with the capability declared.",
  },
  sharedChild: {
    feature: "questions of a tool",
    agents: "any",
    upstreams: `${LEGACY} as a child that all agents share (\`isolation = "shared"\`)`,
    answer: "own_error",
    says: "whatever the upstream says when it finds the capability undeclared, unchanged",
    why: 'With `isolation = "shared"` it has one line for everybody: nobody could tell whose question it asks.',
  },
  sharedChildLogs: {
    feature: "log lines of a tool",
    agents: "several at a time",
    upstreams: "a child that agents share",
    answer: "nothing",
    says: "nothing while calls of several agents run, nor within half a second of another agent's call, nor within 5 s of a call that was given up",
    why: "A line names no call there, and what it tells of one agent's call is nobody else's business.",
  },
  batch: {
    feature: "a JSON array of requests",
    agents: "any but 2025-03-26",
    upstreams: "any",
    answer: "refused",
    says: "HTTP 400 and -32600",
    why: "Only revision 2025-03-26 has batches.",
  },
} as const satisfies Record<string, Row>;
/** Why a question cannot be asked. */
export type Unaskable = Exclude<keyof typeof IMPOSSIBLE, "sharedChildLogs">;

/** Since which revision a kind of question exists. */
const SINCE: Record<QuestionKind, string> = {
  roots: "2024-11-05",
  sampling: "2024-11-05",
  form: "2025-06-18",
  url: "2025-11-25",
  vendor: "9999",
};

/** Whether servers of that revision ask such a question at all; the undeclared one is tried on all of them. */
export const asks = (upstream: UpstreamKind, kind: QuestionKind): boolean =>
  kind === "vendor" || upstream.revision >= SINCE[kind];

/** Why a question cannot be asked, or `undefined` where it can. */
export function unaskable(agent: AgentKind, upstream: UpstreamKind, kind: QuestionKind): Unaskable | undefined {
  if (upstream.shared) return "sharedChild";
  if (agent.revision >= SINCE[kind]) return undefined;
  if (upstream.revision < MODERN) return "undeclaredOverHandshake";
  return agent.revision < MODERN ? "undeclaredOverSession" : "undeclaredOverRequest";
}

/** The table as Markdown. */
export const impossibleTable = (): string =>
  [
    "| what | agents | upstreams | answer | because |",
    "|---|---|---|---|---|",
    ...Object.values<Row>(IMPOSSIBLE).map(
      ({ feature, agents, upstreams, says, why }) => `| ${feature} | ${agents} | ${upstreams} | ${says} | ${why} |`,
    ),
  ].join("\n");
