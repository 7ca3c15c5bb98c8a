// What stands in front of the mock upstream: nothing, nginx, Caddy, the gateway. Each says how it is started.
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { programPath } from "./machine.mjs";

const nginx = programPath("nginx");
const caddy = programPath("caddy");

/** Why a variant cannot be measured, by its name. */
export const missing = {
  ...(nginx ? {} : { nginx: "nginx is not installed (Debian: nginx-light): no ratio without it" }),
  ...(caddy ? {} : { caddy: "caddy is not installed (Debian: caddy): its line is left out" }),
  ...(existsSync("dist/rad.js") ? {} : { gateway: "dist/rad.js is missing: run `npm run build` first" }),
};

/** Each takes a folder of its own and `{upstream, variant}` ports, and returns `{command, args, env}`. */
export const VARIANTS = {
  nginx(folder, ports) {
    const file = join(folder, "nginx.conf");
    writeFileSync(file, nginxConfig(folder, ports));
    return { command: nginx, args: ["-p", folder, "-c", file] };
  },
  caddy(folder, ports) {
    const file = join(folder, "Caddyfile");
    writeFileSync(file, caddyConfig(ports));
    const env = { HOME: folder, XDG_CONFIG_HOME: folder, XDG_DATA_HOME: folder };
    return { command: caddy, args: ["run", "--adapter", "caddyfile", "--config", file], env };
  },
  /** `upstreams`: tables of the configuration, where `path` stands for a URL of the mock. */
  gateway(folder, ports, { upstreams, mock }) {
    const file = join(folder, ".radium", "mcp-proxy.toml");
    mkdirSync(join(folder, ".radium"), { recursive: true });
    writeFileSync(file, gatewayConfig(ports, upstreams, mock));
    const args = ["mcp", "proxy", "start", "--config", file, "--host", "127.0.0.1", "--port", String(ports.variant)];
    return { command: process.execPath, args: [resolve("dist/rad.js"), ...args], env: { RADIUM_TRUST: "1" } };
  },
};

/** A plain reverse proxy at its best: kept connections on both sides, no access log, one worker, nothing on disk. */
const nginxConfig = (folder, ports) => `
daemon off; master_process off; worker_processes 1;
pid ${folder}/nginx.pid; error_log stderr error;
events { worker_connections 4096; }
http {
  access_log off;
  client_body_temp_path ${folder}/body; proxy_temp_path ${folder}/proxy;
  fastcgi_temp_path ${folder}/fastcgi; uwsgi_temp_path ${folder}/uwsgi; scgi_temp_path ${folder}/scgi;
  keepalive_requests 1000000000;
  client_max_body_size 4m; client_body_buffer_size 2m; proxy_max_temp_file_size 0;
  upstream mock { server 127.0.0.1:${ports.upstream}; keepalive 512; keepalive_requests 1000000000; }
  server {
    listen 127.0.0.1:${ports.variant};
    location / { proxy_pass http://mock; proxy_http_version 1.1; proxy_set_header Connection ""; }
    location /static/ { root ${folder}; default_type application/json; error_page 405 =200 $uri; }
  }
}
`;

const caddyConfig = ports => `{
  admin off
  auto_https off
}
http://127.0.0.1:${ports.variant} {
  bind 127.0.0.1
  reverse_proxy 127.0.0.1:${ports.upstream} {
    transport http {
      keepalive_idle_conns_per_host 512
    }
  }
}
`;

/** As users run it: both logs, redaction and limits on; the rate is high enough never to be reached. */
const gatewayConfig = (ports, upstreams, mock) => `
[mcp.proxy]
transport = "auto"

[mcp.proxy.security]
log_requests = true
log_responses = true
rate_limit_per_minute = 1000000000
${upstreams.map((upstream, at) => upstreamTable(upstream, at, ports, mock)).join("")}`;

function upstreamTable({ path, stdio }, at, ports, mock) {
  const head = `\n[[mcp.proxy.upstreams]]\nname = "mock${at === 0 ? "" : at}"\n`;
  if (!stdio) return `${head}transport = "http"\nurl = "http://127.0.0.1:${ports.upstream}${path}"\n`;
  const args = JSON.stringify([...mock.args, "stdio"]);
  return `${head}transport = "stdio"\ncommand = ${JSON.stringify(mock.command)}\nargs = ${args}\n`;
}
