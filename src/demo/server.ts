import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { answer, type Server } from "./answer.ts";
import { FLAVOURS, type FlavourName } from "./flavours.ts";

/** A small MCP server for the demo: on stdin and stdout, or over Streamable HTTP, without sessions. */
const { values } = parseArgs({
  options: {
    flavour: { type: "string", default: "notes" },
    name: { type: "string" },
    /** Listens on this port (0: a free one, printed on stdout). */
    http: { type: "string" },
  },
});

const flavour = values.flavour as FlavourName;
if (!Object.hasOwn(FLAVOURS, flavour)) {
  process.stderr.write(`--flavour is one of ${Object.keys(FLAVOURS).join(", ")}\n`);
  process.exit(2);
}
const server: Server = { name: values.name ?? flavour, flavour: FLAVOURS[flavour]() };

const MAX_BODY_BYTES = 1 << 20;
const LOCAL = /^(?:https?:\/\/)?(?:localhost|127\.0\.0\.1|\[::1\])(?::\d+)?$/;

function serveHttp(port: number): void {
  const http = createServer((request, response) => {
    const { host = "", origin } = request.headers;
    if (!LOCAL.test(host) || (origin !== undefined && !LOCAL.test(origin))) return void response.writeHead(403).end();
    if (request.method !== "POST") return void response.writeHead(405, { allow: "POST" }).end();
    let body = "";
    request.setEncoding("utf8").on("data", chunk => {
      body += chunk;
      if (body.length > MAX_BODY_BYTES) request.destroy();
    });
    request.on("end", () => {
      const { status, body: reply } = answer(server, body);
      if (!reply) return void response.writeHead(status).end();
      response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(reply));
    });
  });
  http.listen(port, "127.0.0.1", () => process.stdout.write(`${(http.address() as AddressInfo).port}\n`));
  // Its parent holds the other end of stdin, so its death ends this process too.
  process.stdin.resume().on("end", () => process.exit(0));
}

function serveStdio(): void {
  createInterface({ input: process.stdin })
    .on("line", line => {
      const { body } = answer(server, line);
      if (body) process.stdout.write(`${JSON.stringify(body)}\n`);
    })
    .on("close", () => process.exit(0));
}

if (values.http === undefined) serveStdio();
else serveHttp(Number(values.http));
