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
  const rows: Rows = [new Uint8Array(MAX_LENGTH + 1), new Uint8Array(MAX_LENGTH + 1)];
  let looked = 0;
  for (const name of names) {
    if (++looked > MAX_CANDIDATES) break;
    const score = distance(target, fold(name), { limit, rows });
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
    .replaceAll(/[-_.:/ ]+/g, "_")
    .slice(0, MAX_LENGTH);

/** Two rows of the table of distances, used again for every name. */
type Rows = readonly [Uint8Array, Uint8Array];

/** Edit distance, or more than `limit`; a name that ends in the wanted one, as a prefixed tool does, is one edit away. */
function distance(wanted: string, name: string, { limit, rows }: { limit: number; rows: Rows }): number {
  if (wanted === name) return 0;
  if (endsIn(name, wanted) || endsIn(wanted, name)) return 1;
  const far = limit + 1;
  if (Math.abs(wanted.length - name.length) > limit) return far;
  let [previous, current] = rows;
  for (let column = 0; column <= name.length; column++) previous[column] = Math.min(column, far);
  for (let row = 1; row <= wanted.length; row++) {
    current.fill(far);
    current[0] = Math.min(row, far);
    let best = current[0];
    // Cells further than `limit` from the diagonal cannot lie on a way that is short enough.
    for (let column = Math.max(1, row - limit); column <= Math.min(name.length, row + limit); column++) {
      const changed = wanted.charCodeAt(row - 1) === name.charCodeAt(column - 1) ? 0 : 1;
      const cost = Math.min(previous[column]! + 1, current[column - 1]! + 1, previous[column - 1]! + changed, far);
      current[column] = cost;
      if (cost < best) best = cost;
    }
    if (best === far) return far;
    [previous, current] = [current, previous];
  }
  return previous[name.length]!;
}

const endsIn = (name: string, tail: string): boolean => tail.length >= 3 && name.endsWith(`_${tail}`);
