import { isTest, type Sources } from "./rooms.ts";

/** What only the edges may know. */
const WORDS = new Set(["legacy", "modern", "era", "eras", "sse", "stdio", "http", "initialize", "discover"]);
const REVISION = /202[456]-/;

/** Words of a line; an identifier is as many words as it has humps. */
const wordsOf = (line: string): string[] =>
  line
    .replace(/([a-z0-9])([A-Z])|([A-Z])([A-Z][a-z])/g, "$1$3 $2$4")
    .toLowerCase()
    .split(/[^a-z0-9]+/);

/** Complaints about words of a protocol revision or a transport below the waist. */
export function forbiddenWords(sources: Sources): string[] {
  return [...sources].flatMap(([path, text]) => {
    if (!/^src\/(core|guard)\//.test(path) || isTest(path)) return [];
    return text.split("\n").flatMap((line, index) => {
      const words = wordsOf(line).filter(word => WORDS.has(word));
      const revision = REVISION.exec(line);
      return [...words, ...(revision ? [revision[0]] : [])].map(word => `${path}:${index + 1} says "${word}"`);
    });
  });
}

export const MAX_LINES = 400;
const CODE = /^(src|test|scripts|bench)\/.*\.(ts|js|mjs|cjs|c|lua|sh)$/;

/** Complaints about source files that are too long to see at once. */
export function tooLong(sources: Sources): string[] {
  return [...sources].flatMap(([path, text]) => {
    const lines = text.split("\n").length - (text.endsWith("\n") ? 1 : 0);
    return CODE.test(path) && lines > MAX_LINES ? [`${path} has ${lines} lines, ${MAX_LINES} is the limit`] : [];
  });
}

interface Locked {
  readonly resolved?: string;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

const lockfiles = (sources: Sources): [path: string, packages: [name: string, locked: Locked][]][] =>
  [...sources].flatMap(([path, text]) => {
    if (!path.endsWith("package-lock.json")) return [];
    const { packages = {} } = JSON.parse(text) as { packages?: Record<string, Locked> };
    return [[path, Object.entries(packages)]];
  });

/** Complaints about lockfiles that pin a registry host, which makes them useless behind a mirror. */
export function pinnedRegistries(sources: Sources): string[] {
  return lockfiles(sources).flatMap(([path, packages]) => {
    const pinned = packages.filter(([, { resolved }]) => /^(git\+)?(https?|ssh):/.test(resolved ?? ""));
    return pinned.map(([name, { resolved }]) => `${path} pins ${name || "the root"} to ${resolved}`);
  });
}

/**
 * Complaints about optional packages without an entry. npm leaves out those that the registry at hand does not carry,
 * and then `npm ci` refuses the file, on every platform.
 */
export function missingOptionals(sources: Sources): string[] {
  return lockfiles(sources).flatMap(([path, packages]) => {
    const names = new Set(packages.map(([place]) => place.slice(place.lastIndexOf("node_modules/") + 13)));
    return packages.flatMap(([place, { optionalDependencies = {} }]) =>
      Object.keys(optionalDependencies)
        .filter(name => !names.has(name))
        .map(name => `${path} has no entry for ${name}, an optional dependency of ${place || "the root"}`),
    );
  });
}

/** Somebody's home; `me`, `you` and `user` are nobody's. */
const MACHINE_PATH = /(?<![\w.~:/-])(\/(home|Users)\/(?!(me|you|user)\b)[\w.-]+|\/root\/[\w.-]+|[A-Z]:\\Users\\\w+)/;
/** Complaints about paths that exist on one machine only, such as `checkout`, where this repository happens to lie. */
export function machinePaths(sources: Sources, checkout: string): string[] {
  return [...sources].flatMap(([path, text]) =>
    text.split("\n").flatMap((line, index) => {
      const found = line.includes(checkout) ? checkout : MACHINE_PATH.exec(line)?.[0];
      return found ? [`${path}:${index + 1} names ${found}`] : [];
    }),
  );
}
