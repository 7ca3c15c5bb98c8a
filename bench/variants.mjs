// What is measured: nothing in between, nginx, the gateway. Each says how to start it and where it then listens.
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { programPath } from "./machine.mjs";

const nginx = programPath("nginx");

export const VARIANTS = [
  { name: "direct", missing: undefined, command: undefined },
  {
    name: "nginx",
    missing: nginx
      ? undefined
      : "nginx is not installed: `apt-get install nginx-light` or `brew install nginx`; no ratio without it",
    command: (folder, ports) => {
      const file = join(folder, "nginx.conf");
      writeFileSync(file, nginxConfig(folder, ports));
      return [nginx, "-p", folder, "-c", file];
    },
  },
  {
    name: "gateway",
    missing: existsSync("dist/rad.js") ? undefined : "dist/rad.js is missing: run `npm run build` first",
    command: (folder, ports) => {
      const file = join(folder, ".radium", "mcp-proxy.toml");
      mkdirSync(join(folder, ".radium"), { recursive: true });
      writeFileSync(file, gatewayConfig(ports));
      const args = ["mcp", "proxy", "start", "--config", file, "--host", "127.0.0.1", "--port", String(ports.variant)];
      return [process.execPath, "dist/rad.js", ...args];
    },
  },
];

/** A plain reverse proxy at its best: kept connections on both sides, no access log, one worker. */
const nginxConfig = (folder, ports) => `
daemon off; master_process off; worker_processes 1;
pid ${folder}/nginx.pid; error_log stderr error;
events { worker_connections 1024; }
http {
  access_log off;
  client_body_temp_path ${folder}/body; proxy_temp_path ${folder}/proxy;
  fastcgi_temp_path ${folder}/fastcgi; uwsgi_temp_path ${folder}/uwsgi; scgi_temp_path ${folder}/scgi;
  keepalive_requests 1000000000;
  upstream mock { server 127.0.0.1:${ports.upstream}; keepalive 64; keepalive_requests 1000000000; }
  server {
    listen 127.0.0.1:${ports.variant};
    location / { proxy_pass http://mock; proxy_http_version 1.1; proxy_set_header Connection ""; }
  }
}
`;

/** As users run it: both logs, redaction and limits on; the rate is high enough never to be reached. */
const gatewayConfig = ports => `
[mcp.proxy]
transport = "http"

[mcp.proxy.security]
log_requests = true
log_responses = true
rate_limit_per_minute = 1000000000

[[mcp.proxy.upstreams]]
name = "mock"
transport = "http"
url = "http://127.0.0.1:${ports.upstream}/mcp"
`;
