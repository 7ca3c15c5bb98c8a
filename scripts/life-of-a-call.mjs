// Which files a call passes: plain calls over HTTP through the built gateway, watched from inside. Run as a program it
// writes them into docs/life-of-a-call.md; a test compares the two.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { Agent, request } from "node:http";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { freePort, start } from "../bench/machine.mjs";
import { untilReady } from "../bench/measure.mjs";
import { requestOf } from "../bench/request.mjs";
import { between } from "../bench/table.mjs";
import { VARIANTS } from "../bench/variants.mjs";
import { sourceOfOffset, sourceOfPlace } from "./sources.mjs";

export const PAGE = fileURLToPath(new URL("../docs/life-of-a-call.md", import.meta.url));
const MARK = "files of a call";
const CALLS = 40;
/** What runs in nine of ten calls runs in each: work after an answer may fall to the next look. */
const EACH = CALLS * 0.9;
/** What is seen in each of so many looks is no coincidence, such as a timer that was due. */
const LOOKS = 2;
/** Before what is counted: connections are opened, what is remembered of an agent is made. */
const CALLS_BEFORE = 10;

/** Where a carrier may be; the rest of src/ is used by them. */
const isWay = path => /^src\/(downstream|app|guard|upstream)\/|^src\/core\/route\.ts$/.test(path);

/**
 * The files of src/ that a call passes: `carriers`, in the order in which they get hold of it, and `used`, the others
 * of which a function runs in each call, sorted. A carrier is on the stack when a call, its answer or a part of it is
 * handed to a socket or to a later part of the turn. Calls come one after another on one connection.
 */
export async function filesOfACall() {
  const folder = mkdtempSync(join(tmpdir(), "rad-life-"));
  const started = [];
  try {
    const { gateway, call } = await startAll(folder, started);
    const ran = await look(gateway, call, { topic: "coverage", files: filesThatRan });
    const carriers = (await look(gateway, call, { topic: "stacks", files: filesOnStacks })).filter(isWay);
    call.end();
    return { carriers, used: ran.filter(path => !carriers.includes(path)).sort() };
  } finally {
    await Promise.all(started.map(one => one.stop()));
    rmSync(folder, { recursive: true, force: true });
  }
}

async function startAll(folder, started) {
  const [upstream, port] = [await freePort(), await freePort()];
  started.push(start(process.execPath, [resolve("bench/mock-upstream.mjs"), String(upstream)], {}));
  const ports = { upstream, variant: port };
  const { command, args, env } = VARIANTS.gateway(folder, ports, { upstreams: [{ path: "/mcp" }] });
  const inside = ["--import", resolve("bench/inside.mjs")];
  const gateway = start(command, [...inside, ...args], { env, cwd: folder, ipc: true });
  started.push(gateway);
  const call = caller(port);
  await untilReady(call, { name: "the gateway", process: gateway, signal: AbortSignal.timeout(60_000) });
  return { gateway, call };
}

/** Paths that are there in each call of every look, in the order of the first. */
async function look(gateway, call, { topic, files }) {
  await gateway.ask(`${topic}:start`);
  for (let at = 0; at < CALLS_BEFORE; at++) await call();
  await gateway.ask(`${topic}:look`);
  const seen = [];
  for (let turn = 0; turn < LOOKS; turn++) {
    for (let at = 0; at < CALLS; at++) await call();
    const counts = files(await gateway.ask(`${topic}:look`));
    seen.push([...counts].filter(([path, count]) => count >= EACH && path.startsWith("src/")).map(([path]) => path));
  }
  const [first, ...others] = seen;
  return first.filter(path => others.every(paths => paths.includes(path)));
}

/** Path → how often the function of it that ran most did. */
function filesThatRan(scripts) {
  const most = new Map();
  for (const { url, functions } of scripts) {
    for (const { startOffset, count } of functions) {
      if (count < EACH) continue;
      const path = sourceOfOffset(url, startOffset);
      if (path) most.set(path, Math.max(count, most.get(path) ?? 0));
    }
  }
  return most;
}

/** Path → on how many stacks it is. */
function filesOnStacks(stacks) {
  const counts = new Map();
  for (const stack of stacks) {
    const paths = new Set(stack.split(" ").reverse().map(sourceOfPlace));
    for (const path of paths) if (path) counts.set(path, (counts.get(path) ?? 0) + 1);
  }
  return counts;
}

/** One call at a time on a kept connection. */
function caller(port) {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const { headers, body } = requestOf({ agent: "modern" });
  const length = { "Content-Length": Buffer.byteLength(body) };
  const call = () =>
    new Promise((done, fail) => {
      const options = {
        agent,
        port,
        host: "127.0.0.1",
        path: "/mcp",
        method: "POST",
        headers: { ...headers, ...length },
      };
      const sent = request(options, response => {
        response
          .resume()
          .on("end", () => (response.statusCode === 200 ? done() : fail(new Error(String(response.statusCode)))));
      });
      sent.on("error", fail).end(body);
    });
  call.end = () => agent.destroy();
  return call;
}

const [OPEN, CLOSE] = [`<!-- ${MARK} -->`, `<!-- end of ${MARK} -->`];
const LIMIT = /may have at most (\d+) carriers/;

/** What the page says: the files of its marked block, and how many carriers there may be. */
export function saidBy(page) {
  const block = page.slice(page.indexOf(OPEN), page.indexOf(CLOSE)).replaceAll(/\s+/g, " ");
  const [carriers = "", used = ""] = block.split("They use");
  const named = text => [...text.matchAll(/`(src\/[\w./-]+)`/g)].map(match => match[1]);
  return { carriers: named(carriers), used: named(used), most: Number(LIMIT.exec(page.replaceAll(/\s+/g, " "))?.[1]) };
}

const missingIn = (paths, others) => paths.filter(path => !others.includes(path));

/** Complaints about a page that does not say what was measured. */
export function untrue(page, { carriers, used }) {
  const said = saidBy(page);
  return [
    ...missingIn(carriers, said.carriers).map(path => `${path} is a carrier, and the page does not say so`),
    ...missingIn(said.carriers, carriers).map(path => `the page calls ${path} a carrier, and it is none`),
    ...missingIn(used, said.used).map(path => `each call uses ${path}, and the page does not name it`),
    ...missingIn(said.used, used).map(path => `the page says that each call uses ${path}, and none does`),
    ...(carriers.length <= said.most
      ? []
      : [`a call has ${carriers.length} carriers, and the page allows ${said.most}`]),
  ];
}

/** The marked block: carriers in their order, the others by room. */
export function blockOf({ carriers, used }) {
  const rooms = new Map();
  for (const path of used) {
    const room = path.slice(0, path.lastIndexOf("/"));
    rooms.set(room, [...(rooms.get(room) ?? []), `\`${path}\``]);
  }
  return [
    "",
    `A successful call has ${carriers.length} carriers, in this order:`,
    "",
    ...carriers.map((path, at) => `${at + 1}. \`${path}\``),
    "",
    `They use ${used.length} other files in each call:`,
    "",
    ...[...rooms].map(([room, paths]) => `- ${room}: ${paths.join(", ")}`),
    "",
  ].join("\n");
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const files = await filesOfACall();
  writeFileSync(PAGE, between(readFileSync(PAGE, "utf8"), MARK, blockOf(files)));
  console.log(`wrote docs/life-of-a-call.md: ${files.carriers.length} carriers, ${files.used.length} other files`);
}
