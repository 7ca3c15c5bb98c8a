// From places in the bundle back to the files of src/, by the bundle's source maps.
import { readFileSync } from "node:fs";
import { SourceMap } from "node:module";
import { dirname, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const scripts = new Map();

function read(path) {
  const text = readFileSync(path, "utf8");
  const lineStarts = [0];
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) lineStarts.push(at + 1);
  return { lineStarts, map: new SourceMap(JSON.parse(readFileSync(`${path}.map`, "utf8"))) };
}

function scriptAt(url) {
  const path = fileURLToPath(url);
  if (!scripts.has(path)) scripts.set(path, { path, ...read(path) });
  return scripts.get(path);
}

/** The file of a place in the bundle, from the root of the repository, such as `src/core/route.ts`; lines and columns from 0. */
export function sourceAt(url, { line, column }) {
  const { path, map } = scriptAt(url);
  const { originalSource } = map.findEntry(line, column);
  return originalSource && relative(root, resolve(dirname(path), originalSource)).replaceAll("\\", "/");
}

/** The same for an offset in characters. */
export function sourceOfOffset(url, offset) {
  const { lineStarts } = scriptAt(url);
  let [low, high] = [0, lineStarts.length - 1];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (lineStarts[middle] <= offset) low = middle;
    else high = middle - 1;
  }
  return sourceAt(url, { line: low, column: offset - lineStarts[low] });
}

/** The same for a place as stacks name it: `file:///…:LINE:COLUMN`, from 1. */
export function sourceOfPlace(place) {
  const [, url, line, column] = /^(.*):(\d+):(\d+)$/.exec(place) ?? [];
  return url && sourceAt(url, { line: Number(line) - 1, column: Number(column) - 1 });
}
