/** What keeps others on the way from reading what is sent: credentials in the clear, and certificates. */
import type { Complaint } from "./problem.ts";
import { upstreamLabel } from "./tables.ts";
import { holdsCredentials } from "./unsent.ts";
import { isTable, upstreamsOf } from "./values.ts";

/** An upstream as far as credentials are about it; also one that the schema may have refused. */
export interface Sends {
  readonly url?: unknown;
  readonly headers?: unknown;
  readonly auth?: unknown;
  readonly allow_plain_http?: unknown;
}

/** Where a credential stands, below the upstream's table, and what it is called. */
interface Exposed {
  readonly path: readonly string[];
  readonly what: string;
}

/**
 * Headers that say nothing secret. Whatever else is configured may be a key: there are more names for those than anybody
 * can list.
 */
const PUBLIC_HEADERS =
  /^(accept(-(charset|encoding|language))?|user-agent|host|cache-control|pragma|referer|origin|from|via|forwarded|x-forwarded-(for|host|port|proto)|dnt|traceparent|tracestate|x-(request|correlation|trace|client|tenant|org|organization|project|workspace|region)(-(id|name|version))?|mcp-.*|content-(encoding|language|length|type)|connection)$/i;
/** Too little to be a key. */
const PUBLIC_VALUE = /^(true|false|yes|no|on|off|none|\d{0,4})$/i;
const SECRET_PARAMETER = /key|token|secret|pass|pwd|auth|sig|cred|jwt|session/i;
const THIS_MACHINE = /^(localhost|127(\.\d{1,3}){3}|0\.0\.0\.0|\[::1?\])\.?$/;

/**
 * Whether what is sent there stays on this machine, whatever resolves names: those below `localhost` are left to a resolver,
 * which may ask another machine.
 */
export const isThisMachine = ({ hostname }: URL): boolean => THIS_MACHINE.test(hostname);

/** The credentials that an upstream's configuration would send unencrypted to another machine. */
export function exposedBy({ url, headers, auth }: Sends): readonly Exposed[] {
  const exposed: Exposed[] = [];
  const to = plainElsewhere(url);
  if (to) {
    const add = (path: readonly string[], what: string): void => void exposed.push({ path, what });
    if (holdsCredentials(url)) add(["url"], "the credentials in the URL");
    if ([...to.searchParams].some(([name, value]) => SECRET_PARAMETER.test(name) && !PUBLIC_VALUE.test(value))) {
      add(["url"], "a parameter of the URL that looks like a credential");
    }
    for (const [name, value] of isTable(headers) ? Object.entries(headers) : []) {
      const isPublic = PUBLIC_HEADERS.test(name) || typeof value !== "string" || PUBLIC_VALUE.test(value);
      if (!isPublic) add(["headers", name], `the header "${name}"`);
    }
    if (isTable(auth)) add(["auth"], "the token");
  }
  if (isTable(auth) && plainElsewhere(auth.token_url))
    exposed.push({ path: ["auth", "token_url"], what: "the client secret" });
  return exposed;
}

function plainElsewhere(url: unknown): URL | undefined {
  if (typeof url !== "string" || !URL.canParse(url)) return undefined;
  const parsed = new URL(url);
  return parsed.protocol === "http:" && !isThisMachine(parsed) ? parsed : undefined;
}

/** Works on values that the schema may have refused. */
export function checkPlainHttp(root: unknown): readonly Complaint[] {
  return upstreamsOf(root).flatMap(({ table, index }): Complaint[] => {
    const at = ["upstreams", index];
    const label = upstreamLabel(root, index);
    const complaints: Complaint[] = [];
    if (table.allow_plain_http !== true) {
      for (const { path, what } of exposedBy(table)) {
        complaints.push({
          ...{ code: "RAD1216", path: [...at, ...path], point: "key" },
          message: `${label} is not connected: ${what} would go unencrypted to another machine`,
          help: "write https://, or `allow_plain_http = true` beside `url` where no third party is on the way, as between containers",
        });
      }
    }
    if (table.insecure_skip_verify === true) {
      complaints.push({
        ...{ code: "RAD1217", path: [...at, "insecure_skip_verify"], point: "key" },
        message: `${label} may be anybody: its certificate is not verified`,
        help: "name its authority in NODE_EXTRA_CA_CERTS instead, and remove the line",
      });
    }
    return complaints;
  });
}
