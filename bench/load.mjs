// Load for machines without wrk: raw keep-alive connections, one request in flight on each. Prints what wrk.lua prints.
// Usage: BENCH_BODY=… BENCH_HEADERS=… node bench/load.mjs PORT PATH CONNECTIONS SECONDS
import { connect } from "node:net";
import { readResponse } from "./response.mjs";

const [port, path, connections, seconds] = process.argv.slice(2).map((value, at) => (at === 1 ? value : Number(value)));
const body = process.env.BENCH_BODY;
const head = `POST ${path} HTTP/1.1\nHost: 127.0.0.1:${port}\n${process.env.BENCH_HEADERS}\nContent-Length: ${Buffer.byteLength(body)}\n\n`;
const request = Buffer.from(head.replaceAll("\n", "\r\n") + body);
const STEP_US = 20;
/** Latencies in steps of 20 µs, up to 400 ms. */
const histogram = new Uint32Array(20_000);
const totals = { requests: 0, bytes: 0, broken: 0 };
const startedAt = performance.now();
const endAt = startedAt + seconds * 1000;

function drive() {
  return new Promise(resolve => {
    let held = Buffer.alloc(0);
    let sentAt = 0;
    const socket = connect({ port, host: "127.0.0.1", noDelay: true });
    const send = () => {
      sentAt = performance.now();
      socket.write(request);
    };
    socket.on("connect", send);
    socket.on("data", chunk => {
      held = held.length > 0 ? Buffer.concat([held, chunk]) : chunk;
      const response = readResponse(held);
      if (!response) return;
      const now = performance.now();
      totals.requests++;
      totals.bytes += response.end;
      if (response.status !== 200) totals.broken++;
      histogram[Math.min(histogram.length - 1, Math.floor(((now - sentAt) * 1000) / STEP_US))]++;
      held = held.subarray(response.end);
      if (now < endAt) send();
      else socket.destroy();
    });
    socket.on("error", () => totals.broken++);
    socket.on("close", resolve);
    setTimeout(() => socket.destroy(), seconds * 1000 + 1000).unref();
  });
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
