/** Where each key and value stands in the text, from the TOML parser that keeps positions. */
import type { AST } from "toml-eslint-parser";
import { parseTOML } from "toml-eslint-parser";
import type { Complaint, KeyPath } from "./problem.ts";

/** Line and column, both from 1. */
export interface Place {
  readonly line: number;
  readonly column: number;
}

export type Locate = (path: KeyPath, point: Complaint["point"]) => Place;

/** Deeper than any key that the schema knows; a path costs its length. */
const MAX_DEPTH = 10;

interface Spot {
  readonly key: Place;
  readonly value: Place;
  /** Offsets of the value in the text. */
  readonly range: readonly [number, number];
}

const placeOf = (node: AST.TOMLNode): Place => ({ line: node.loc.start.line, column: node.loc.start.column + 1 });
const idOf = (path: KeyPath): string => JSON.stringify(path);

function namesOf(key: AST.TOMLKey): string[] {
  return key.keys.map(part => (part.type === "TOMLBare" ? part.name : part.value));
}

/**
 * Returns the function that tells where a path stands. What is not written itself is placed at the table that would
 * hold it; with no such table, at the beginning. `path` is relative to `root`.
 */
export function indexPositions(text: string, root: KeyPath): Locate {
  const spots = new Map<string, Spot>();
  /** The first mention wins: a table may be implied by the headers of its children. */
  const note = (path: KeyPath, spot: Spot) => {
    if (path.length <= MAX_DEPTH && !spots.has(idOf(path))) spots.set(idOf(path), spot);
  };
  const visitValue = (path: KeyPath, node: AST.TOMLContentNode): void => {
    if (node.type === "TOMLInlineTable") for (const pair of node.body) visitPair(path, pair);
    if (node.type !== "TOMLArray") return;
    for (const [position, element] of node.elements.entries()) {
      const inner = [...path, position];
      note(inner, { key: placeOf(element), value: placeOf(element), range: element.range });
      visitValue(inner, element);
    }
  };
  const visitPair = (table: KeyPath, pair: AST.TOMLKeyValue): void => {
    const names = namesOf(pair.key);
    const path = [...table, ...names];
    note(path, { key: placeOf(pair.key.keys.at(-1)!), value: placeOf(pair.value), range: pair.value.range });
    for (let depth = 1; depth < Math.min(names.length, MAX_DEPTH); depth++) {
      const place = placeOf(pair.key.keys[depth - 1]!);
      note([...table, ...names.slice(0, depth)], { key: place, value: place, range: pair.key.range });
    }
    visitValue(path, pair.value);
  };

  for (const node of topLevel(text)) {
    if (node.type === "TOMLKeyValue") {
      visitPair([], node);
      continue;
    }
    const header: Spot = { key: placeOf(node), value: placeOf(node), range: node.key.range };
    for (let depth = Math.min(node.resolvedKey.length, MAX_DEPTH); depth > 0; depth--)
      note(node.resolvedKey.slice(0, depth), header);
    for (const pair of node.body) visitPair(node.resolvedKey, pair);
  }

  return (path, point) => {
    const full = [...root, ...path];
    const spot = spots.get(idOf(full));
    if (spot === undefined) {
      for (let depth = full.length - 1; depth > 0; depth--) {
        const table = spots.get(idOf(full.slice(0, depth)));
        if (table !== undefined) return table.key;
      }
      return { line: 1, column: 1 };
    }
    if (point === "key") return spot.key;
    return point === "value" ? spot.value : (within(text, spot, point.inside) ?? spot.value);
  };
}

function within(text: string, spot: Spot, wanted: string): Place | undefined {
  const offset = text.indexOf(wanted, spot.range[0]);
  if (offset < 0 || offset >= spot.range[1]) return undefined;
  const before = text.slice(0, offset).split("\n");
  return { line: before.length, column: before.at(-1)!.length + 1 };
}

/** Text that only the other parser accepts gets no positions rather than no answer. */
function topLevel(text: string): readonly (AST.TOMLKeyValue | AST.TOMLTable)[] {
  try {
    return parseTOML(text, { tomlVersion: "1.1" }).body[0].body;
  } catch {
    return [];
  }
}
