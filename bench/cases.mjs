// What is measured: the cases, their lines, and what must come of them.
//
// A line is one way from the load to the mock: `process` is "direct", "nginx", "caddy", or the key of a gateway of the
// case; `path` is where it is asked; `request` is what is asked (request.mjs). Lines of the same `answers` get the same. The rounds of a case go through its lines
// in turns, so that its figures compare what was measured at the same time.

const NODE = Number(process.versions.node.split(".")[0]);
const KB = 1024;
const MB = 1024 * KB;
const call = (more = {}) => ({ agent: "modern", tool: "echo", size: 300, expect: undefined, ...more });
const to = (...upstreams) => ({ upstreams });
const http = path => ({ path });
const plain = { gateway: to(http("/mcp")) };

/** nginx and the gateway, each asked for the same at its own path. */
const besides = (request, { path = "/mcp", more = [] } = {}) => [
  ...more.map(name => ({ name, process: name, path, request })),
  { name: "nginx", process: "nginx", path, request },
  { name: "gateway", process: "gateway", path: "/mcp", request },
];

/** Figures. `of` and `to` name lines; `least` and `most` are the targets. */
const ratio = (least, of = "gateway", title = "") => ({ kind: "ratio", of, least, title });
const against = (of, against, target, title) => ({ kind: "against", of, against, title, ...target });
const added = (field, most, title) => ({ kind: "added", of: "gateway", to: "direct", field, most, title });
const latency = (field, most, title) => ({ kind: "latency", of: "gateway", field, most, title });
const refusals = { kind: "refusals", of: "gateway", most: 0, title: "refused calls" };

const legacy = call({ agent: "legacy" });
const toolLine = count => ({ name: `${count} tools`, process: `gateway${count}`, path: "/mcp", request: call() });

export const CASES = [
  {
    key: "300",
    title: "modern → modern, 300 B, c = 32",
    connections: 32,
    processes: plain,
    lines: besides(call(), { more: ["direct", "caddy"] }),
    figures: [ratio(NODE >= 22 ? 0.45 : 0.4)],
    floor: true,
  },
  {
    key: "c256",
    title: "modern → modern, 300 B, c = 256",
    connections: 256,
    processes: plain,
    lines: besides(call()),
    figures: [ratio(NODE >= 22 ? 0.45 : 0.4), refusals],
  },
  {
    key: "10k",
    title: "10 KB result",
    connections: 32,
    processes: plain,
    lines: besides(call({ size: 10 * KB }), { more: ["caddy"] }),
    figures: [ratio(0.35)],
    floor: true,
  },
  {
    key: "1m-result",
    title: "1 MB result, c = 8",
    connections: 8,
    warmRequests: 2000,
    processes: plain,
    lines: besides(call({ size: MB }), { more: ["caddy"] }),
    figures: [ratio(0.5)],
    floor: true,
  },
  {
    key: "1m-request",
    title: "1 MB request, c = 8",
    connections: 8,
    warmRequests: 2000,
    processes: plain,
    lines: besides(call({ text: MB }), { more: ["caddy"] }),
    figures: [ratio(0.5)],
  },
  {
    key: "sse",
    title: "upstream answers SSE",
    connections: 32,
    processes: { gateway: to(http("/sse")) },
    lines: besides(call(), { path: "/sse" }),
    figures: [ratio(0.35)],
  },
  {
    key: "eras",
    title: "legacy sessions, and across eras",
    connections: 32,
    processes: { modern: to(http("/mcp")), legacy: to(http("/legacy")) },
    lines: [
      { name: "nginx", process: "nginx", path: "/legacy", request: legacy },
      { name: "legacy → legacy", process: "legacy", path: "/mcp", request: legacy },
      { name: "modern → modern", process: "modern", path: "/mcp", request: call(), answers: "modern" },
      { name: "modern → legacy", process: "legacy", path: "/mcp", request: call() },
      { name: "legacy → modern", process: "modern", path: "/mcp", request: legacy, answers: "modern" },
    ],
    figures: [
      ratio(0.35, "legacy → legacy", "legacy session → legacy session"),
      ...["modern → legacy", "legacy → modern"].map(of =>
        against(of, ["legacy → legacy", "modern → modern"], { least: 0.8 }, `${of}, of the slower of the two`),
      ),
    ],
    floor: true,
  },
  {
    key: "stdio",
    title: "stdio upstream (the gateway without its child)",
    connections: 32,
    alone: true,
    processes: { gateway: to({ stdio: true }) },
    lines: besides(call()),
    figures: [ratio(0.3)],
  },
  {
    key: "tools",
    title: "10, 1,000 and 10,000 tools",
    connections: 32,
    processes: Object.fromEntries([10, 1000, 10_000].map(count => [`gateway${count}`, to(http(`/tools/${count}/0`))])),
    lines: [{ name: "nginx", process: "nginx", path: "/mcp", request: call() }, ...[10, 1000, 10_000].map(toolLine)],
    figures: [1000, 10_000].map(count =>
      against(`${count} tools`, ["10 tools"], { least: 0.95 }, `${count.toLocaleString("en")} tools, of 10 tools`),
    ),
  },
  {
    key: "renamed",
    title: "a renamed tool, of one that is not",
    connections: 32,
    processes: { gateway: to(http("/tools/2/0"), http("/tools/2/1")) },
    lines: [
      { name: "nginx", process: "nginx", path: "/mcp", request: call() },
      { name: "own name", process: "gateway", path: "/mcp", request: call({ pick: /^p0_tool_00000$/ }) },
      { name: "renamed", process: "gateway", path: "/mcp", request: call({ pick: /.echo$/ }) },
    ],
    figures: [
      { kind: "cost", of: "renamed", against: "own name", most: 1.03, title: "CPU, times that of its own name" },
    ],
  },
  {
    key: "c1",
    title: "c = 1",
    connections: 1,
    warmRequests: 40_000,
    processes: plain,
    lines: besides(call(), { more: ["direct"] }),
    figures: [added("p50Us", 100, "added p50"), added("p99Us", 600, "added p99")],
  },
  ...[32, 1].map(connections => ({
    key: connections === 1 ? "list-c1" : "list",
    title: `merged tools/list of 50 × 20 tools, c = ${connections}`,
    connections,
    warmRequests: 30_000,
    processes: { gateway: to(...Array.from({ length: 50 }, (_, at) => http(`/tools/20/${at}`))) },
    lines: [
      {
        name: "gateway",
        process: "gateway",
        path: "/mcp",
        request: { agent: "modern", method: "tools/list", expect: 1000 },
      },
      {
        name: "nginx",
        process: "nginx",
        path: "/static/list.json",
        copies: "gateway",
        request: { agent: "modern", method: "tools/list" },
      },
    ],
    figures:
      connections === 1
        ? [latency("p99Us", 2000, "p99")]
        : [ratio(0.3, "gateway", "÷ nginx with the same bytes from a file")],
  })),
];
