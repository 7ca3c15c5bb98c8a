// What a process must be asked itself, and memory: cases of their own, without nginx.

import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { residentBytes } from "./machine.mjs";
import { prepare, round, untilReady, warmUp } from "./measure.mjs";
import { headerText, openSession, post, requestOf, withSession } from "./request.mjs";
import { judged, median } from "./table.mjs";

const MB = 1024 * 1024;
const STREAMS = 5000;
/** Streams are opened so many at a time. */
const AT_ONCE = 100;
/** After this long at rest memory is looked at. */
const REST_MS = 5000;
const PLAIN = { upstreams: [{ path: "/mcp" }] };

/** A gateway that can be asked, and a line through it that was warmed up. */
async function asked(lab, key, { request, connections, warm }) {
  const gateway = await lab.gateway(key, PLAIN, { inside: true });
  const place = { port: gateway.port, path: "/mcp" };
  const line = { name: "gateway", id: key, place, request, process: gateway.process, pid: gateway.process.pid };
  const { folder, signal } = lab;
  const prepared = await prepare(line, { folder, connections, signal });
  await warmUp(prepared, { ...warm, signal });
  return { gateway, line: prepared };
}

/** Allocated bytes per call, heap and buffers, counted between collections by v8.GCProfiler. */
async function allocation(lab, { rounds, seconds, warmUp: warm }) {
  const request = { agent: "modern", tool: "echo", size: 300 };
  const { gateway, line } = await asked(lab, "allocation", { request, connections: 32, warm });
  const values = [];
  for (let turn = 0; turn < rounds; turn++) {
    await gateway.process.ask("allocation:start");
    const { requests } = await round(line, { seconds, signal: lab.signal });
    values.push((await gateway.process.ask("allocation:stop")) / requests / 1024);
  }
  await lab.end(gateway);
  return [judged({ title: "", value: Number(median(values).toFixed(1)), unit: "KB", most: 10 })];
}

/** The longest turn of the event loop in a round, by monitorEventLoopDelay; the median of the rounds. */
async function stall(lab, { rounds, seconds, warmUp: warm }) {
  const figures = [];
  const wanted = { "1 MB result": { size: MB }, "1 MB request": { size: 300, text: MB } };
  for (const [title, more] of Object.entries(wanted)) {
    const request = { agent: "modern", tool: "echo", ...more };
    const brief = { ...warm, requests: Math.min(warm.requests, 3000) };
    const { gateway, line } = await asked(lab, `stall-${title.replaceAll(" ", "-")}`, {
      request,
      connections: 8,
      warm: brief,
    });
    const values = [];
    for (let turn = 0; turn < rounds; turn++) {
      await gateway.process.ask("stall:start");
      await round(line, { seconds, signal: lab.signal });
      values.push((await gateway.process.ask("stall:stop")).maxMs);
    }
    await lab.end(gateway);
    figures.push(judged({ title, value: Number(median(values).toFixed(1)), unit: "ms", most: 10 }));
  }
  return figures;
}

/** Resident memory after a start and one call, and what each of many idle streams adds, of agents of both eras. */
async function idle(lab) {
  const figures = [];
  for (const [title, open] of Object.entries(STREAM_KINDS)) {
    const { before, after } = await withStreams(lab, open);
    const each = Number(((after - before) / STREAMS / 1024).toFixed(1));
    const many = STREAMS.toLocaleString("en");
    if (figures.length === 0) {
      figures.push(judged({ title: "resident at rest", value: Math.round(before / MB), unit: "MB", most: 75 }));
    }
    figures.push(judged({ title: `each of ${many} idle streams, ${title}`, value: each, unit: "KB", most: 16 }));
  }
  return figures;
}

/** Resident bytes of a gateway of its own before and after the streams were opened. */
async function withStreams(lab, open) {
  const gateway = await lab.gateway("idle", PLAIN);
  const place = { port: gateway.port, path: "/mcp" };
  const ready = { name: "gateway", process: gateway.process, signal: lab.signal };
  await untilReady(async () => {
    const { message } = await post(place, requestOf({ agent: "modern" }));
    if (!message?.result) throw new Error("no answer yet");
  }, ready);
  await sleep(REST_MS, undefined, { signal: lab.signal });
  const before = residentBytes(gateway.process.pid);
  const sockets = [];
  while (sockets.length < STREAMS) {
    const more = await Promise.all(Array.from({ length: AT_ONCE }, () => open(place)));
    sockets.push(...more);
    lab.signal.throwIfAborted();
  }
  await sleep(REST_MS, undefined, { signal: lab.signal });
  const after = residentBytes(gateway.process.pid);
  const closed = sockets.filter(socket => socket.destroyed).length;
  for (const socket of sockets) socket.destroy();
  await lab.end(gateway);
  if (closed > 0) throw new Error(`of ${STREAMS} idle streams ${closed} were closed`);
  return { before, after };
}

const STREAM_KINDS = {
  "modern: subscriptions/listen": place => {
    const { headers, body } = requestOf({ agent: "modern", method: "subscriptions/listen" });
    return openStream(place, { method: "POST", headers, body });
  },
  "legacy: a session and its GET": async place => {
    const session = await openSession(place);
    const headers = withSession({ Accept: "text/event-stream", "MCP-Protocol-Version": "2025-11-25" }, session);
    return await openStream(place, { method: "GET", headers });
  },
};

/** Resolves with the socket when the stream has begun. */
function openStream(place, { method, headers, body = "" }) {
  const socket = connect({ port: place.port, host: "127.0.0.1" });
  const length = body ? `\nContent-Length: ${Buffer.byteLength(body)}` : "";
  const head = `${method} ${place.path} HTTP/1.1\nHost: 127.0.0.1:${place.port}\n${headerText(headers)}${length}\n\n`;
  socket.write(head.replaceAll("\n", "\r\n") + body);
  return new Promise((resolve, reject) => {
    socket.once("error", reject);
    socket.once("data", bytes => {
      const text = bytes.toString("latin1");
      if (/^HTTP\/1\.1 200 /.test(text) && /text\/event-stream/i.test(text)) resolve(socket);
      else reject(new Error(`no stream: ${text.slice(0, 300)}`));
      socket.resume();
    });
  });
}

const KINDS = [
  { key: "allocation", title: "allocation per call, 300 B", run: allocation },
  { key: "stall", title: "longest stall of the event loop, c = 8", run: stall },
  { key: "idle", title: "memory", run: idle },
];

export const INSIDE_CASES = KINDS.map(({ key, title, run }) => ({
  key,
  title,
  inside: true,
  measure: async (lab, how) => ({ key, title, figures: await run(lab, how) }),
}));
