// Load for machines without wrk: raw keep-alive connections, one request in flight on each. Takes and prints what
// wrk.lua takes and prints. Usage: BENCH_BODY_FILE=… BENCH_HEADERS=… node bench/load.mjs PORT PATH CONNECTIONS SECONDS
import { readFileSync } from "node:fs";
import { connect } from "node:net";
import { readResponse } from "./response.mjs";

const [port, path, connections, seconds] = process.argv.slice(2).map((value, at) => (at === 1 ? value : Number(value)));
const body = readFileSync(process.env.BENCH_BODY_FILE, "utf8");
const sessions = (process.env.BENCH_SESSIONS ?? "").split(" ").filter(Boolean);
const FIRST_ID = 100_000;
const LAST_ID = 999_999;
const STEP_US = 20;
/** Answers up to this size are looked into when errors are counted. */
const LOOKED_INTO = 4096;
/** Latencies in steps of 20 µs, up to 400 ms. */
const histogram = new Uint32Array(20_000);
const totals = { requests: 0, bytes: 0, broken: 0, refused: 0 };
const startedAt = performance.now();
const endAt = startedAt + seconds * 1000;

/** The whole request; with sessions one function per connection, as each request has an id of its own. */
function requests(session) {
  const more = session && session !== "-" ? `Mcp-Session-Id: ${session}\n` : "";
  const head = `POST ${path} HTTP/1.1\nHost: 127.0.0.1:${port}\n${process.env.BENCH_HEADERS}\n${more}Content-Length: ${Buffer.byteLength(body)}\n\n`;
  const whole = head.replaceAll("\n", "\r\n") + body;
  if (!session) {
    const bytes = Buffer.from(whole);
    return () => bytes;
  }
  const [before, after] = whole.split(`"id":${FIRST_ID}`);
  return id => `${before}"id":${id}${after}`;
}

let id = FIRST_ID;
const nextId = () => {
  id = id < LAST_ID ? id + 1 : FIRST_ID;
  return id;
};

function drive(_, at) {
  const request = requests(sessions[at % sessions.length]);
  return new Promise(resolve => {
    let held = Buffer.alloc(0);
    let sentAt = 0;
    const socket = connect({ port, host: "127.0.0.1", noDelay: true });
    const send = () => {
      sentAt = performance.now();
      socket.write(request(nextId()));
    };
    socket.on("connect", send);
    socket.on("data", chunk => {
      held = held.length > 0 ? Buffer.concat([held, chunk]) : chunk;
      const response = readResponse(held);
      if (!response) return;
      count(response, held, performance.now() - sentAt);
      held = held.subarray(response.end);
      if (performance.now() < endAt) send();
      else socket.destroy();
    });
    socket.on("error", () => totals.broken++);
    socket.on("close", resolve);
    setTimeout(() => socket.destroy(), seconds * 1000 + 1000).unref();
  });
}

function count({ status, end }, bytes, tookMs) {
  totals.requests++;
  totals.bytes += end;
  if (status !== 200) totals.broken++;
  const looked = process.env.BENCH_COUNT && end < LOOKED_INTO;
  if (looked && (status !== 200 || bytes.subarray(0, end).includes('"error":'))) totals.refused++;
  histogram[Math.min(histogram.length - 1, Math.floor((tookMs * 1000) / STEP_US))]++;
}

function percentileUs(share) {
  let left = totals.requests * share;
  const at = histogram.findIndex(count => {
    left -= count;
    return left <= 0;
  });
  return (at + 1) * STEP_US;
}

await Promise.all(Array.from({ length: connections }, drive));
const durationUs = Math.round((performance.now() - startedAt) * 1000);
console.log(JSON.stringify({ ...totals, durationUs, p50Us: percentileUs(0.5), p99Us: percentileUs(0.99) }));
