import { expect, it } from "vitest";
import { upstream } from "../../../test/cli/fake-gateway.ts";
import { explainFailure } from "./states.ts";
import { plain } from "./terminal.ts";

const CHILD = { transport: "stdio", state: "down" } as const;
const REMOTE = { transport: "http", state: "down" } as const;

it.each([
  [CHILD, 'command "uvx" was not found; searched PATH /bin; install it or give its full path', "Correct `command`"],
  [CHILD, 'command "./run" does not exist (/srv/run)', "Correct `command`"],
  [CHILD, 'command "./run" may not be run; make it executable (chmod +x)', "Correct `command`"],
  [CHILD, 'command "./run" exists, but the interpreter that its first line names does not', "Correct `command`"],
  [CHILD, 'working directory /srv does not exist; change "cwd" or create it', "Correct `command` or `cwd`"],
  [CHILD, '"node" exited with code 1; last lines on stderr: module not found', "logs --stderr it`"],
  [
    CHILD,
    '"node" exited with code 0; it printed, instead of JSON-RPC: Usage: server [stdio|http]',
    "Check that `command`",
  ],
  [CHILD, '"npx" exited with code 1; …; inherit_env = ["PIP_CERT"] passes that on', "It may miss"],
  [{ ...CHILD, transport: "sse", state: "auth_required" } as const, "HTTP 401", "Check its credentials"],
  [REMOTE, "the connection was refused: nothing listens there (ECONNREFUSED)", "nothing listens at that address"],
  [
    REMOTE,
    "the proxy at p:1, which HTTP_PROXY names: the connection was refused: nothing listens there (ECONNREFUSED)",
    "NO_PROXY",
  ],
  [REMOTE, "that port speaks no https, probably plain http: write http:// in `url` (ERR_SSL_X)", "Correct `url`"],
  [
    REMOTE,
    "the upstream redirects to another origin, http://h/x; if that is where it is, write it in `url` (HTTP 307)",
    "Correct `url`",
  ],
  [REMOTE, "credentials would go unencrypted to another machine: … (PLAIN_HTTP)", "`allow_plain_http = true`"],
  [REMOTE, "the certificate is self-signed (DEPTH_ZERO_SELF_SIGNED_CERT)", "NODE_EXTRA_CA_CERTS=FILE"],
  [REMOTE, "the upstream answered HTTP 501 without a JSON-RPC error", "Check the path in `url`"],
  [REMOTE, "the upstream answered with text/html instead of JSON", "Check the path in `url`"],
  [
    { ...REMOTE, transport: "sse" } as const,
    "the upstream answered with text/html and no event stream",
    "Check the path",
  ],
  [{ ...REMOTE, transport: "of a later version" } as const, "no answer came in time", "is running and accessible"],
])("says what to do about a failed upstream (%#)", (status, lastError, help) => {
  const lines = explainFailure(upstream({ name: "it", ...status, lastError }), plain);
  expect(lines[0]).toBe(`Failed to connect to upstream "it": ${lastError}`);
  expect(lines[2]).toContain(help);
});
