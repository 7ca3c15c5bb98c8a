import { BEHIND, type Behind, isTransport } from "../../config/behind.ts";
import type { UpstreamState, UpstreamStatus } from "../../core/status.ts";
import { printable } from "./printable.ts";
import type { Paint, Tone } from "./terminal.ts";

interface Look {
  readonly symbol: string;
  readonly ascii: string;
  readonly tone: Tone;
  /** In this state the upstream serves no agent, and a person should know why. */
  readonly failed: boolean;
  /** What the state means for calls, where its word does not say that. */
  readonly meaning: string | undefined;
}

const look = (symbol: string, ascii: string, tone: Tone): Look => ({
  ...{ symbol, ascii, tone },
  failed: false,
  meaning: undefined,
});
const failed: Look = { ...look("✖", "x", "bad"), failed: true };
const doubtful = (meaning: string): Look => ({ ...look("▲", "!", "warn"), meaning });

/** How each state is drawn. Words and symbols say the same as the colours. */
const LOOKS = {
  connecting: look("●", "~", "accent"),
  ready: look("✔", "+", "good"),
  degraded: doubtful("something is wrong, but it still gets calls"),
  ejected: doubtful("its calls failed: others are preferred until a check succeeds"),
  probing: doubtful("a check has succeeded: it gets one call at a time until one succeeds"),
  down: failed,
  auth_required: failed,
  rate_limited: doubtful("it limits our rate: others are preferred until that is over"),
  crashlooping: failed,
  disabled: look("○", "-", "dim"),
} satisfies Record<UpstreamState, Look>;

export const hasFailed = ({ state }: UpstreamStatus): boolean => LOOKS[state].failed;
export const toneOf = (state: UpstreamState): Tone => LOOKS[state].tone;
export const symbolOf = (state: UpstreamState, unicode: boolean): string => LOOKS[state][unicode ? "symbol" : "ascii"];
/** `auth_required` as people read it. */
export const wordOf = (state: UpstreamState): string => state.replaceAll("_", " ");

/** What it means that an upstream is in doubt, and the whole reason; nothing for those that are not. */
export function doubtLine({ name, state, lastError }: UpstreamStatus): string[] {
  const { meaning } = LOOKS[state];
  return meaning === undefined ? [] : [`${name}: ${meaning}${lastError === null ? "" : ` (${lastError})`}`];
}

type Status = Pick<UpstreamStatus, "name" | "state" | "transport" | "address" | "lastError">;

/** What to do about one kind of reason. */
interface Remedy {
  readonly fits: (status: Status, reason: string) => boolean;
  readonly help: string;
}

const CREDENTIALS: Remedy = {
  fits: ({ state }, reason) =>
    state === "auth_required" || /\b(401|403|unauthori[sz]ed|forbidden|token request|invalid_client)\b/i.test(reason),
  help: "Check its credentials: `auth` or `headers` in the configuration.",
};
const STARTING: Remedy = {
  fits: (_, reason) => /start_timeout/.test(reason),
  help: "Give it longer with `start_timeout` if it is only slow; see what it said: `rad mcp proxy logs --stderr NAME`.",
};
const OF_CHILDREN: readonly Remedy[] = [
  CREDENTIALS,
  {
    fits: (_, reason) => /^(command|working directory) .*(not found|not exist|may not be run|does not$)/.test(reason),
    help: "Correct `command` or `cwd` in the configuration, or put there what they name; then `rad mcp proxy reload`.",
  },
  STARTING,
  {
    fits: (_, reason) => /instead of JSON-RPC/.test(reason),
    help: "Check that `command` and `args` start it as a server on stdin and stdout: run them by hand, and see what it said: `rad mcp proxy logs --stderr NAME`.",
  },
  {
    fits: (_, reason) => /inherit_env/.test(reason),
    help: "It may miss what it was not given: pass that on with `inherit_env`. Else run the command by hand, and see what it said: `rad mcp proxy logs --stderr NAME`.",
  },
  {
    fits: () => true,
    help: "Run the command by hand, and see what it said: `rad mcp proxy logs --stderr NAME`.",
  },
];
const OF_REMOTES: readonly Remedy[] = [
  {
    fits: (_, reason) => /PLAIN_HTTP/.test(reason),
    help: "Write https:// in `url` (or `token_url`), or `allow_plain_http = true` beside `url`, as between containers; then `rad mcp proxy reload`. `rad mcp proxy validate` shows what would be sent.",
  },
  CREDENTIALS,
  {
    fits: (_, reason) => /start_timeout/.test(reason),
    help: "Check that the server answers: it may hang. Give it longer with `start_timeout` if it is only slow.",
  },
  {
    fits: (_, reason) => reason.startsWith("the proxy at "),
    help: "Check HTTP_PROXY, HTTPS_PROXY and ALL_PROXY; NO_PROXY names hosts that are reached without a proxy.",
  },
  {
    fits: (_, reason) => /write .* in `url`/.test(reason),
    help: "Correct `url` in the configuration.",
  },
  {
    fits: (_, reason) => /ECONNREFUSED/i.test(reason),
    help: "Verify that the upstream server is running: nothing listens at that address.",
  },
  {
    fits: (_, reason) => /ENOTFOUND|EAI_AGAIN|getaddrinfo/i.test(reason),
    help: "Check the host name in `url`, and network connectivity.",
  },
  {
    fits: (_, reason) => /certificate|\bTLS\b|\bSSL\b|CERT_/i.test(reason),
    help: "Check the server's certificate. An authority of your own: start the gateway with NODE_EXTRA_CA_CERTS=FILE. A server for tests only: `insecure_skip_verify = true` beside its `url`.",
  },
  {
    fits: (_, reason) => /time(d )?\s?out|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH/i.test(reason),
    help: "Check network connectivity, and that the server answers: it may hang.",
  },
  {
    fits: (_, reason) => /\b(404|405|501)\b|without a JSON-RPC error|no event stream|instead of JSON/.test(reason),
    help: "Check the path in `url`, and that `transport` is what the server speaks.",
  },
];
/** What to do about the reasons that upstreams fail for. The first that fits is given. */
const REMEDIES: Readonly<Record<Behind, readonly Remedy[]>> = { program: OF_CHILDREN, address: OF_REMOTES };
const LAST_REMEDY =
  "Verify that the upstream server is running and accessible, and that its `url` or `command` is correct.";

/** Why an upstream serves no agent: what, where, what to do. The first line is the one to search for. */
export function explainFailure(status: Status, paint: Paint): string[] {
  const reason = status.lastError ?? wordOf(status.state);
  // What is shown may come from a gateway of another version.
  const remedies = isTransport(status.transport) ? REMEDIES[BEHIND[status.transport]] : [];
  const help = remedies.find(({ fits }) => fits(status, reason))?.help ?? LAST_REMEDY;
  return [
    paint("bad", `Failed to connect to upstream ${JSON.stringify(printable(status.name))}: ${printable(reason)}`),
    ` ${paint("dim", "-->")} ${printable(status.address)}`,
    `  ${paint("dim", "=")} ${paint("accent", "help")}: ${printable(help.replace("NAME", status.name))}`,
  ];
}
