// Other gateways beside this one: each gets a configuration made here, with the mock as its only upstream and what it
// does by default. Those marked as untried were written after their documentation only.
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { programPath } from "./machine.mjs";

const KB = 1024;
const url = ports => `http://127.0.0.1:${ports.upstream}/legacy`;
const written = (folder, name, content) => {
  const file = join(folder, name);
  writeFileSync(file, typeof content === "string" ? content : JSON.stringify(content, null, 2));
  return file;
};

/**
 * `variable` names the program, or with _URL and _PID one that runs already; `program` is looked for on the path where
 * the name is no other's; `path` is its endpoint.
 */
const PEERS = [
  {
    name: "agentgateway (Rust), untried",
    variable: "BENCH_AGENTGATEWAY",
    program: "agentgateway",
    path: "/mcp",
    make: (folder, ports) => ({
      args: ["-f", written(folder, "config.yaml", agentgatewayConfig(ports))],
      env: { ADMIN_ADDR: "127.0.0.1:0", STATS_ADDR: "127.0.0.1:0", READINESS_ADDR: "127.0.0.1:0" },
    }),
  },
  {
    name: "joshrotenberg/mcp-proxy (Rust)",
    variable: "BENCH_MCP_PROXY_RUST",
    path: "/",
    make: (folder, ports) => ({ args: ["--config", written(folder, "proxy.toml", rustProxyConfig(ports))] }),
  },
  {
    name: "TBXark/mcp-proxy (Go)",
    variable: "BENCH_MCP_PROXY_GO",
    path: "/mock/mcp",
    make: (folder, ports) => ({ args: ["-config", written(folder, "config.json", goProxyConfig(ports))] }),
  },
  {
    name: "ToolHive (Go), untried",
    variable: "BENCH_TOOLHIVE",
    program: "thv",
    path: "/legacy",
    make: (folder, ports) => ({
      args: [
        ...["proxy", "--host", "127.0.0.1", "--port", String(ports.variant)],
        ...["--target-uri", `http://127.0.0.1:${ports.upstream}`, "mock"],
      ],
      env: { HOME: folder, XDG_CONFIG_HOME: folder },
    }),
  },
  {
    name: "mcpproxy-go (Go), untried",
    variable: "BENCH_MCPPROXY",
    program: "mcpproxy",
    path: "/mcp/all",
    make: (folder, ports) => ({
      args: ["serve", "--config", written(folder, "mcp_config.json", mcpproxyConfig(folder, ports))],
      env: { HOME: folder },
    }),
  },
  {
    name: "ContextForge (Python)",
    variable: "BENCH_CONTEXTFORGE",
    path: "/mcp",
    needs: "registers upstreams by its API",
  },
  { name: "docker-mcp (Go)", variable: "BENCH_DOCKER_MCP", path: "/mcp", needs: "takes upstreams from catalogs" },
];

const agentgatewayConfig = ports => `binds:
- port: ${ports.variant}
  listeners:
  - routes:
    - backends:
      - mcp:
          targets:
          - name: mock
            mcp:
              host: ${url(ports)}
`;

const rustProxyConfig = ports => `[proxy]
name = "bench"
[proxy.listen]
host = "127.0.0.1"
port = ${ports.variant}
[[backends]]
name = "mock"
transport = "http"
url = "${url(ports)}"
`;

const goProxyConfig = ports => ({
  mcpProxy: {
    baseURL: `http://127.0.0.1:${ports.variant}`,
    addr: `127.0.0.1:${ports.variant}`,
    name: "bench",
    version: "1.0.0",
    type: "streamable-http",
  },
  mcpServers: { mock: { transportType: "streamable-http", url: url(ports) } },
});

const mcpproxyConfig = (folder, ports) => ({
  listen: `127.0.0.1:${ports.variant}`,
  data_dir: folder,
  enable_tray: false,
  routing_mode: "direct",
  mcpServers: [{ name: "mock", protocol: "http", url: url(ports), enabled: true, quarantined: false }],
});

/** A peer with what is there of it: a program to start, a process that runs, or neither. */
function found(peer, env) {
  const named = env[peer.variable];
  const running = env[`${peer.variable}_URL`];
  if (running) return { ...peer, running: new URL(running), pid: Number(env[`${peer.variable}_PID`]) || undefined };
  const command = named ?? (peer.program && programPath(peer.program));
  return peer.make && command && existsSync(command) ? { ...peer, command } : peer;
}

const isThere = peer => peer.command !== undefined || peer.running !== undefined;

/** What is not there, one line each. */
export const peerNotes = (env = process.env) =>
  PEERS.map(peer => found(peer, env))
    .filter(peer => !isThere(peer))
    .map(({ name, variable, program, needs }) => {
      if (needs)
        return `${name} is left out: it ${needs}; start it yourself and set ${variable}_URL and ${variable}_PID`;
      return `${name} is left out: ${program ? `${program} is not on the path, and ` : ""}${variable} names no program`;
    });

/** How a peer gets its process: of one that runs, what the lab needs to know of it. */
function launcher({ name, make, command, running, pid }) {
  if (!running) return lab => lab.launch(name, (folder, ports) => ({ command, ...make(folder, ports) }));
  const process = { pid, running: () => true, output: () => "", stop: async () => {} };
  return async () => ({ process, port: Number(running.port), home: "" });
}

/** One case for each size, with all peers as lines: legacy sessions, which all of them speak. */
export function peerCases(env = process.env) {
  const there = PEERS.map(peer => found(peer, env)).filter(isThere);
  const processes = Object.fromEntries(there.map(peer => [peer.name, { launch: launcher(peer) }]));
  return [
    { key: "peers-300", title: "300 B", size: 300 },
    { key: "peers-10k", title: "10 KB", size: 10 * KB },
  ].map(({ key, title, size }) => {
    const request = { agent: "legacy", tool: "echo", size };
    const peerLine = ({ name, path, running }) => ({
      name,
      process: name,
      path: running?.pathname ?? path,
      optional: true,
      request: { ...request, tool: undefined, pick: /echo$/ },
    });
    return {
      key,
      title: `legacy session, ${title}, c = 32`,
      connections: 32,
      processes: { gateway: { upstreams: [{ path: "/legacy" }] }, ...processes },
      lines: [
        { name: "nginx", process: "nginx", path: "/legacy", request },
        { name: "caddy", process: "caddy", path: "/legacy", request },
        { name: "gateway", process: "gateway", path: "/mcp", request },
        ...there.map(peerLine),
      ],
      figures: [],
    };
  });
}
