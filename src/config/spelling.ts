/** Optimal string alignment distance: insertions, deletions, substitutions and swapped neighbours count one each. */
function distance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    for (let column = 1; column <= b.length; column++) {
      const substitution = a[row - 1] === b[column - 1] ? 0 : 1;
      let best = Math.min(last[column]! + 1, current[column - 1]! + 1, last[column - 1]! + substitution);
      const swapped = row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1];
      if (swapped) best = Math.min(best, beforeLast[column - 2]! + 1);
      current.push(best);
    }
    beforeLast = last;
    last = current;
  }
  return last[b.length]!;
}

const plain = (text: string): string => text.toLowerCase().replace(/[^a-z0-9]/g, "");

/** The word that was probably meant, or `undefined` when none is near. Case, `_` and `-` do not count. */
export function nearest(written: string, words: readonly string[]): string | undefined {
  if (written.length > 64) return undefined;
  const allowed = Math.max(1, Math.floor(written.length / 3));
  let best: { word: string; far: number } | undefined;
  for (const word of words) {
    const far = distance(plain(written), plain(word));
    if (far <= allowed && (best === undefined || far < best.far)) best = { word, far };
  }
  return best?.word;
}
