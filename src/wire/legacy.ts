import { withoutTasks } from "../core/extensions.ts";
import { Payload } from "../core/payload.ts";
import type { AgentEra, UpstreamEra } from "./era.ts";
import { withoutCapability } from "./questions.ts";
import { CODES, wireError } from "./rpc-errors.ts";
import { demandedElicitations, isDeclined } from "./upstream-questions.ts";
import { META } from "./versions.ts";
import { wrapOutputSchema, wrapsOutput } from "./wrapped-output.ts";

/** What modern agents put on each request and a legacy upstream has settled in its handshake. */
const ENVELOPE = {
  [META.protocolVersion]: undefined,
  [META.clientInfo]: undefined,
  [META.clientCapabilities]: undefined,
  [META.logLevel]: undefined,
} as const;

/** The handshake settled everything; a request carries at most a progress token. */
export const legacyUpstream: UpstreamEra = {
  name: "legacy",
  probe: "ping",
  emptyCursorEnds: true,
  setsLogLevel: true,
  headers: version => ({ "mcp-protocol-version": version }),
  request({ params, progressToken }, version) {
    const meta = params.object("_meta");
    const headers = { "mcp-protocol-version": version };
    if (!meta) return { params, headers };
    const kept = meta.with({ ...ENVELOPE, progressToken: progressToken?.toString() });
    return { params: params.with({ _meta: kept.isEmpty ? undefined : kept.bytes }), headers };
  },
  declaresAtOpening: true,
  cancelsByMessage: true,
  asks: () => undefined,
  knows: () => true,
  demands: demandedElicitations,
  declined: answers => (isDeclined(answers) ? DECLINED : undefined),
  objection: () => undefined,
};

const DECLINED = wireError(CODES.invalidParams, "What this request needs from the user first was declined");

/** Strict clients of these revisions throw on members that came later, and on structured content that is no object. */
export const legacyAgent: AgentEra = {
  name: "legacy",
  logsUnasked: true,
  emptyCursorBegins: true,
  result(result, { definition }) {
    const plain = withoutModernMembers(result);
    return (definition && wrapsOutput(definition)) || (plain !== result && isNoObject(plain))
      ? wrapStructuredContent(plain)
      : plain;
  },
  asks: () => undefined,
  lacks: (method, { required }) => withoutCapability(method, required),
  definition: definition => (wrapsOutput(definition) ? wrapOutputSchema(definition) : definition),
  list: withoutModernMembers,
  error: error => error,
  tasks: false,
  status: () => 200,
};

/** Only a result that says its type comes from a modern server; other members are nobody's to remove. */
function withoutModernMembers(result: Payload): Payload {
  if (!result.has("resultType")) return result;
  return result.with({ resultType: undefined, ttlMs: undefined, cacheScope: undefined });
}

/** A newer server may say anything, also where no schema is listed for it. */
const isNoObject = (result: Payload): boolean =>
  result.given("structuredContent") && result.object("structuredContent") === undefined;

function wrapStructuredContent(result: Payload): Payload {
  const content = result.raw("structuredContent");
  return content ? result.with({ structuredContent: `{"result":${content.toString()}}` }) : result;
}

/** Answer to `initialize`. https://modelcontextprotocol.io/specification/2025-11-25/basic/lifecycle#initialization */
export function initializeResult(
  version: string,
  profile: { capabilities: Payload; instructions: string | undefined; serverInfo: Payload },
): Payload {
  return Payload.of({ protocolVersion: version }).with({
    capabilities: withoutTasks(profile.capabilities).bytes,
    serverInfo: profile.serverInfo.bytes,
    instructions: profile.instructions === undefined ? undefined : JSON.stringify(profile.instructions),
  });
}
