const MAX_CANDIDATES = 2000;
const MAX_LENGTH = 64;
const MAX_RESULTS = 3;

/**
 * Up to three of `names` that somebody who wrote `wanted` may have meant, best first. Looks at the first 2,000 names and
 * the first 64 characters of each, so that a wrong name costs little however many tools there are.
 */
export function nearest(wanted: string, names: Iterable<string>): string[] {
  const target = fold(wanted);
  if (target === "") return [];
  const limit = Math.min(8, Math.ceil(target.length / 3));
  const found: { name: string; score: number }[] = [];
  let looked = 0;
  for (const name of names) {
    if (++looked > MAX_CANDIDATES) break;
    const score = distance(target, fold(name), limit);
    if (score <= limit) found.push({ name, score });
  }
  return found
    .sort((a, b) => a.score - b.score)
    .slice(0, MAX_RESULTS)
    .map(candidate => candidate.name);
}

const fold = (name: string): string =>
  name
    .slice(0, MAX_LENGTH)
    .toLowerCase()
    .replaceAll(/[-_.:/ ]+/g, "_");

/** Edit distance, or more than `limit`; a name that ends in the wanted one, as a prefixed tool does, is one edit away. */
function distance(wanted: string, name: string, limit: number): number {
  if (wanted === name) return 0;
  if (endsIn(name, wanted) || endsIn(wanted, name)) return 1;
  if (Math.abs(wanted.length - name.length) > limit) return limit + 1;
  const far = limit + 1;
  let previous = Array.from({ length: name.length + 1 }, (_, column) => Math.min(column, far));
  for (let row = 1; row <= wanted.length; row++) {
    const current = new Array<number>(name.length + 1).fill(far);
    current[0] = Math.min(row, far);
    // Cells further than `limit` from the diagonal cannot lie on a way that is short enough.
    for (let column = Math.max(1, row - limit); column <= Math.min(name.length, row + limit); column++) {
      const changed = wanted.charCodeAt(row - 1) === name.charCodeAt(column - 1) ? 0 : 1;
      current[column] = Math.min(previous[column]! + 1, current[column - 1]! + 1, previous[column - 1]! + changed, far);
    }
    previous = current;
  }
  return previous[name.length]!;
}

const endsIn = (name: string, tail: string): boolean => tail.length >= 3 && name.endsWith(`_${tail}`);
