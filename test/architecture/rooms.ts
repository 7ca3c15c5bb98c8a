import { isBuiltin } from "node:module";
import { posix } from "node:path";
import { ambientUses, type Import, importsOf } from "./imports.ts";

/** What a room may import besides itself. */
interface Room {
  readonly rooms: readonly string[];
  /** Rooms of which it knows the types and runs nothing. */
  readonly typesOf?: readonly string[];
  /** `all`, the node modules that hold no I/O and no clock, or those and the types of the others. */
  readonly node: "all" | "pure" | "pure_and_types";
  /** npm packages; `all` means every runtime dependency of package.json. */
  readonly npm: readonly string[] | "all";
}

const EDGES = ["wire", "config", "core", "lib"];

export const ROOMS: Readonly<Record<string, Room>> = {
  core: { rooms: [], node: "pure", npm: [] },
  guard: { rooms: ["core"], node: "pure", npm: ["re2js", "lru-cache"] },
  wire: { rooms: ["core"], node: "pure_and_types", npm: [] },
  lib: { rooms: ["core"], node: "all", npm: "all" },
  config: { rooms: ["core"], node: "all", npm: ["zod", "smol-toml", "toml-eslint-parser", "re2js"] },
  downstream: { rooms: EDGES, node: "all", npm: ["lru-cache"] },
  upstream: { rooms: EDGES, node: "all", npm: ["undici", "openid-client", "lru-cache"] },
  demo: { rooms: ["lib"], typesOf: ["config"], node: "all", npm: [] },
  app: { rooms: [...EDGES, "guard", "downstream", "upstream", "demo"], node: "all", npm: "all" },
};

/** The folders of `upstream`, lowest first: none imports one that stands after it. Those of a row do not know each other. */
export const WINGS: readonly (readonly string[])[] = [
  ["channel"],
  ["http", "child"],
  ["conversation"],
  ["connection"],
  ["notifications", "catalog"],
  ["call"],
  [""],
];

const PURE_NODE = new Set(["node:buffer", "node:crypto"]);
/** Which of the other node modules a room may import. */
const NODE: Record<Room["node"], (edge: Import) => boolean> = {
  all: () => true,
  pure: () => false,
  pure_and_types: edge => edge.typeOnly,
};

/** Source texts by their path from the root of the repository, `/` between the parts. */
export type Sources = ReadonlyMap<string, string>;

export interface Edge extends Import {
  readonly from: string;
  /** The file, for relative imports; the specifier itself otherwise. */
  readonly to: string | undefined;
}

export const isTest = (path: string): boolean => path.endsWith(".test.ts");
const isProduction = (path: string): boolean => path.startsWith("src/") && !isTest(path);

/** Every import in the files under src/ that are no tests. */
export function edges(sources: Sources): Edge[] {
  return [...sources].flatMap(([from, text]) =>
    isProduction(from) ? importsOf(text).map(found => ({ from, to: target(from, found.specifier), ...found })) : [],
  );
}

function target(from: string, specifier: string | undefined): string | undefined {
  return specifier?.startsWith(".") ? posix.join(posix.dirname(from), specifier) : specifier;
}

/** Complaints about imports that look the wrong way. `dependencies` are the runtime ones of package.json. */
export function wrongImports(all: readonly Edge[], dependencies: readonly string[]): string[] {
  return all.flatMap(edge => {
    const why = wrong(edge, dependencies);
    return why ? [`${edge.from}:${edge.line} ${why}`] : [];
  });
}

function wrong(edge: Edge, dependencies: readonly string[]): string | undefined {
  const { from, to, specifier } = edge;
  const name = roomOf(from);
  const room = ROOMS[name];
  if (!room) return `is in src/${name}, which is no room`;
  if (to === undefined || specifier === undefined) return "imports something computed: nobody can tell what";
  if (specifier.startsWith(".")) return wrongFile(name, { to, typeOnly: edge.typeOnly });
  if (isBuiltin(specifier)) {
    if (!specifier.startsWith("node:")) return `imports ${specifier} without "node:"`;
    const allowed = PURE_NODE.has(specifier) || NODE[room.node](edge);
    return allowed ? undefined : `reaches for ${specifier}: ${name} does no I/O`;
  }
  const npm = packageOf(specifier);
  if (!dependencies.includes(npm)) return `imports ${npm}, which is no runtime dependency`;
  return room.npm === "all" || room.npm.includes(npm) ? undefined : `imports ${npm}: ${name} may not`;
}

function wrongFile(name: string, { to, typeOnly }: { to: string; typeOnly: boolean }): string | undefined {
  if (isTest(to) || !to.startsWith("src/")) {
    return to === "package.json" ? undefined : `imports ${to}, which is not part of the product`;
  }
  const other = roomOf(to);
  const { rooms = [], typesOf = [] } = ROOMS[name] ?? {};
  if (other === name || rooms.includes(other)) return undefined;
  if (typesOf.includes(other)) return typeOnly ? undefined : `imports ${to}: ${name} takes only types from ${other}`;
  return `imports ${to}: ${name} may look at ${rooms.join(", ") || "nothing"}, not at ${other}`;
}

/** Complaints about wings of `upstream` that look up, or at a neighbour. */
export function upwardImports(all: readonly Edge[]): string[] {
  return all.flatMap(({ from, to, line }) => {
    if (!to || roomOf(from) !== "upstream" || roomOf(to) !== "upstream") return [];
    const [wing, other] = [wingOf(from), wingOf(to)];
    if (wing === other || floorOf(other) < floorOf(wing)) return [];
    return [`${from}:${line} imports ${to}: "${wing}" may not look at "${other}"`];
  });
}

const wingOf = (path: string): string => posix.dirname(path).split("/").slice(2).join("/");
/** A folder that is no wing stands above all. */
const floorOf = (wing: string): number => {
  const floor = WINGS.findIndex(row => row.includes(wing));
  return floor < 0 ? WINGS.length : floor;
};

const roomOf = (path: string): string => path.split("/")[1] ?? "";
const packageOf = (specifier: string): string =>
  specifier
    .split("/")
    .slice(0, specifier.startsWith("@") ? 2 : 1)
    .join("/");

/** Groups of files that import each other in a circle, type-only imports included. */
export function cycles(all: readonly Edge[]): string[] {
  const next = new Map<string, string[]>();
  for (const { from, to } of all) if (to) next.set(from, [...(next.get(from) ?? []), to]);
  const found: string[] = [];
  const done = new Set<string>();
  const walk = (file: string, path: readonly string[]): void => {
    const at = path.indexOf(file);
    if (at >= 0) found.push([...path.slice(at), file].join(" → "));
    if (at >= 0 || done.has(file)) return;
    for (const to of next.get(file) ?? []) walk(to, [...path, file]);
    done.add(file);
  };
  for (const file of next.keys()) walk(file, []);
  return found;
}

/** Complaints about a clock, a timer, randomness, the process or the console in rooms that take them as parameters. */
export function reachesOut(sources: Sources): string[] {
  return [...sources].flatMap(([path, text]) => {
    if (!isProduction(path) || !["core", "guard"].includes(roomOf(path))) return [];
    return ambientUses(text).map(({ what, line }) => `${path}:${line} uses ${what}: take it as a parameter`);
  });
}
