// Which stage of a call a function belongs to. The first rule that fits counts; a test holds that each fits some file.

const inFolder = (folder, names) => names.map(name => `${folder}/${name}`);

/** Beginnings of paths, from the root of the repository. */
export const FILE_STAGES = [
  [
    "log and redaction",
    [
      ...inFolder("src/guard", [
        "audit",
        "sending",
        "log-lines",
        "hints",
        "json-",
        "patterns",
        "redact",
        "secret-",
        "sensitive",
      ]),
      ...inFolder("src/lib", ["log-file", "append-file"]),
      "src/core/secrets/",
    ],
  ],
  [
    "limits",
    [...inFolder("src/guard", ["rate-limit", "request-limit", "overload"]), "src/core/limits", "src/core/pressure"],
  ],
  ["other layers", ["src/guard/"]],
  [
    "scan and payload",
    [
      ...inFolder("src/core", [
        "scan",
        "payload",
        "splice",
        "json-",
        "seen-keys",
        "known-keys",
        "key-twins",
        "references",
      ]),
      ...inFolder("src/wire", ["message", "byte-buffer", "own-words"]),
    ],
  ],
  ["timers and turns", inFolder("src/lib", ["clock", "per-turn", "running"])],
  [
    "door",
    inFolder("src/downstream", ["origin-check", "connections", "cors", "paths", "accept", "backlog", "body", "http"]),
  ],
  ["agents' side", ["src/downstream/"]],
  ["upstream HTTP and stdio", inFolder("src/upstream", ["http/", "child/", "channel/"])],
  ["link and attempts", ["src/upstream/"]],
  ["route", ["src/core/"]],
  ["eras", ["src/wire/"]],
  ["rest of the gateway", ["src/"]],
];

/** Names of V8's own nodes, and functions without a place, which are native. */
const NATIVE_STAGES = [
  ["idle", /^\(idle\)$/],
  ["garbage collection", /^\(garbage collector\)$/],
  ["sockets, kernel and native", /./],
];

/** Modules of node, by their URL. */
const NODE_STAGES = [
  ["log file", /^node:(fs|internal\/fs)/],
  ["node:http", /^node:(_http|internal\/http)/],
  ["timers and turns", /^node:(internal\/(timers|process|abort_controller|async_hooks|event_target)|timers)/],
  ["node:net and streams", /^node:/],
];

const firstFit = (rules, text) => rules.find(([, rule]) => rule.test(text))?.[0] ?? "other packages";
const stageOfFile = file => FILE_STAGES.find(([, starts]) => starts.some(start => file.startsWith(start)))?.[0];

/** The stage of a frame: `file` is a path of src/ where the bundle's source map knows one. */
export function stageOf({ functionName, url, file }) {
  const known = file && stageOfFile(file);
  if (known) return known;
  if (url.startsWith("node:")) return firstFit(NODE_STAGES, url);
  return url === "" ? firstFit(NATIVE_STAGES, functionName || "native") : "other packages";
}

/** Native functions have no place. Of those that the file system calls it is known what they are for. */
function stagesOfNodes(nodes, fileOf) {
  const parents = new Map(nodes.flatMap(({ id, children = [] }) => children.map(child => [child, id])));
  const frames = new Map(nodes.map(({ id, callFrame }) => [id, { ...callFrame, file: fileOf(callFrame) }]));
  const isFile = id => frames.get(parents.get(id))?.url.startsWith("node:fs") === true;
  const stage = (id, frame) => (frame.url === "" && isFile(id) ? "log file" : stageOf(frame));
  return new Map([...frames].map(([id, frame]) => [id, stage(id, frame)]));
}

/**
 * Self time by stage of a CPU profile (the inspector's `Profiler.Profile`), in µs, largest first. `fileOf` finds the
 * source of a place.
 */
export function byStage({ nodes, samples, timeDeltas }, fileOf) {
  const stages = stagesOfNodes(nodes, fileOf);
  const sums = new Map();
  samples.forEach((id, at) => {
    const stage = stages.get(id);
    sums.set(stage, (sums.get(stage) ?? 0) + timeDeltas[at]);
  });
  return [...sums].filter(([stage]) => stage !== "idle").sort(([, a], [, b]) => b - a);
}
