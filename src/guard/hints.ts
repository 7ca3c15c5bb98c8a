/**
 * A finite automaton that tells in one step per byte whether any of many literals has occurred (Aho and Corasick, 1975),
 * so that the costly rules look only at the strings that can concern them.
 */
export interface Hints {
  /** Next state = `next[state | byte]`; the start state is 0. */
  readonly next: Uint16Array | Uint32Array;
  /** The state that says "yes"; nothing leads out of it. */
  readonly found: number;
}

/** Letters match in either case. Control characters count as found: they must not stay as they are. */
export function createHints(literals: readonly (string | Buffer)[]): Hints {
  const trie = buildTrie(literals);
  const found = trie.length << 8;
  const size = (trie.length + 1) << 8;
  const next = size > 2 ** 16 ? new Uint32Array(size) : new Uint16Array(size);
  const fallback = new Array<number>(trie.length).fill(0);
  const accepts = trie.map(node => node.accepts);
  // Breadth first, so that a state's fallback, which is shorter, is complete before it is copied.
  const order = [0];
  for (const state of order) {
    const back = fallback[state] ?? 0;
    if (accepts[back]) accepts[state] = true;
    for (let byte = 0; byte < 256; byte++) {
      const viaBack = state === 0 ? 0 : (next[(back << 8) | byte] ?? 0) >> 8;
      const child = trie[state]?.children.get(byte);
      next[(state << 8) | byte] = (child ?? viaBack) << 8;
      if (child === undefined) continue;
      fallback[child] = viaBack;
      order.push(child);
    }
  }
  for (let at = 0; at < next.length; at++) {
    const byte = at & 0xff;
    if (at >= found || byte < 0x20 || accepts[(next[at] ?? 0) >> 8]) next[at] = found;
  }
  for (let at = 0; at < found; at++) {
    const byte = at & 0xff;
    if (byte >= 0x41 && byte <= 0x5a) next[at] = next[at + 0x20] ?? 0;
  }
  return { next, found };
}

/** Whether any of the literals may occur in a text. Control characters count for nothing here. */
export function mayOccurIn({ next, found }: Hints, text: string): boolean {
  let state = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code < 0x20) state = 0;
    else if (code < 0x80) state = next[state | code] as number;
    // Where a character may begin a literal, nothing more is asked.
    else if (next[leadOf(code)] !== 0) return true;
    else state = 0;
    if (state === found) return true;
  }
  return false;
}

/** The first byte of a character in UTF-8. */
const leadOf = (code: number): number =>
  code < 0x800 ? 0xc0 | (code >> 6) : code >= 0xd800 && code < 0xe000 ? 0xf0 : 0xe0 | (code >> 12);

interface Node {
  readonly children: Map<number, number>;
  accepts: boolean;
}

function buildTrie(literals: readonly (string | Buffer)[]): Node[] {
  const nodes: Node[] = [{ children: new Map(), accepts: false }];
  for (const literal of literals) {
    let state = 0;
    const text = typeof literal === "string" ? literal.replace(/[A-Z]/g, letter => letter.toLowerCase()) : literal;
    for (const byte of Buffer.from(text)) {
      const child = nodes[state]?.children.get(byte) ?? nodes.length;
      if (child === nodes.length) nodes.push({ children: new Map(), accepts: false });
      nodes[state]?.children.set(byte, child);
      state = child;
    }
    const last = nodes[state];
    if (last && state > 0) last.accepts = true;
  }
  return nodes;
}
