/**
 * What git tracks, read from its index by ourselves: running git in a checkout of strangers would run what their
 * repository configures. https://git-scm.com/docs/index-format, versions 2 to 4.
 */

/** `entry`: hash of the tracked content. `unknown`: it is not an index that we understand. */
export type Tracked =
  | { readonly kind: "tracked"; readonly entry: string }
  | { readonly kind: "untracked" }
  | { readonly kind: "unknown" };

const HEADER_BYTES = 12;
/** Times, device, owner and size before the hash. */
const STAT_BYTES = 40;
const FLAG_BYTES = 2;
const EXTENDED = 0x4000;
const MODE_AT = 24;
const FOLDER_MODE = 0o040000;
/** SHA-1 and SHA-256; the index does not say which. */
const HASH_BYTES = [20, 32] as const;

/** `path`: relative to the checkout, with `/`. Spellings that a file system may take for the same are the same. */
export function lookUp(index: Buffer, path: string): Tracked {
  for (const hashBytes of HASH_BYTES) {
    const found = scan(index, folded(path), hashBytes);
    if (found) return found;
  }
  return { kind: "unknown" };
}

/** File systems ignore case, composition and invisible characters, each some of them. */
const folded = (path: string): string =>
  path
    .normalize("NFKC")
    .replace(/[\p{Default_Ignorable_Code_Point}\p{Cf}]/gu, "")
    .toLowerCase();

/** `undefined`: with hashes of that length it makes no sense. */
function scan(index: Buffer, wanted: string, hashBytes: number): Tracked | undefined {
  if (index.length < HEADER_BYTES + hashBytes || index.toString("latin1", 0, 4) !== "DIRC") return undefined;
  const [version, count] = [index.readUInt32BE(4), index.readUInt32BE(8)];
  if (version < 2 || version > 4) return undefined;
  const end = index.length - hashBytes;
  const needle = Buffer.from(wanted.slice(wanted.lastIndexOf("/") + 1));
  let found: Tracked = { kind: "untracked" };
  let at = HEADER_BYTES;
  let name: Buffer = Buffer.alloc(0);
  for (let left = count; left > 0; left--) {
    const start = at;
    at += STAT_BYTES + hashBytes;
    if (at + FLAG_BYTES > end) return undefined;
    at += index.readUInt16BE(at) & EXTENDED && version > 2 ? 2 * FLAG_BYTES : FLAG_BYTES;
    if (version === 4) {
      const strip = variableWidth(index, at);
      if (!strip || strip.value > name.length) return undefined;
      const close = index.indexOf(0, strip.next);
      if (close < 0 || close > end) return undefined;
      name = Buffer.concat([name.subarray(0, name.length - strip.value), index.subarray(strip.next, close)]);
      at = close + 1;
    } else {
      const close = index.indexOf(0, at);
      if (close < 0 || close > end) return undefined;
      name = index.subarray(at, close);
      // Padded with one to eight zero bytes to a multiple of eight.
      at = start + Math.ceil((close + 1 - start) / 8) * 8;
    }
    const entry = (): string => index.toString("hex", start + STAT_BYTES, start + STAT_BYTES + hashBytes);
    if (covers(name, index.readUInt32BE(start + MODE_AT), { wanted, needle }))
      found = { kind: "tracked", entry: entry() };
  }
  const rest = extensionsFrom(index, at, end);
  // The entries of a split index are in another file.
  if (rest === undefined) return undefined;
  return rest.has("link") && found.kind === "untracked" ? { kind: "unknown" } : found;
}

/** Folding is slow, and most names differ at once. */
function covers(name: Buffer, mode: number, { wanted, needle }: { wanted: string; needle: Buffer }): boolean {
  // A sparse index holds a folder in place of all that is in it.
  if (mode === FOLDER_MODE) return wanted.startsWith(folded(name.toString("utf8")));
  const isPlain = name.length === Buffer.byteLength(wanted) && name.subarray(-needle.length).equals(needle);
  if (isPlain && name.toString("utf8") === wanted) return true;
  return mightFold(name, needle) && folded(name.toString("utf8")) === wanted;
}

/** Whether the name ends as the wanted one does, but for case, or holds anything beyond ASCII. */
function mightFold(name: Buffer, needle: Buffer): boolean {
  if (name.length >= needle.length) {
    const tail = name.subarray(-needle.length);
    if (tail.every((byte, at) => (byte | 0x20) === ((needle[at] ?? 0) | 0x20))) return true;
  }
  return name.some(byte => byte > 0x7f);
}

/** https://git-scm.com/docs/index-format: an "offset encoding" number, as in pack files. */
function variableWidth(index: Buffer, from: number): { value: number; next: number } | undefined {
  let at = from;
  let byte = index[at++] ?? 0;
  let value = byte & 0x7f;
  while (byte & 0x80) {
    if (at >= index.length || value > 0xff_ffff) return undefined;
    byte = index[at++] ?? 0;
    value = (value + 1) * 128 + (byte & 0x7f);
  }
  return { value, next: at };
}

/** Names of the extensions between the entries and the checksum; `undefined` where something else stands there. */
function extensionsFrom(index: Buffer, from: number, end: number): ReadonlySet<string> | undefined {
  const names = new Set<string>();
  let at = from;
  while (at < end) {
    if (at + 8 > end) return undefined;
    const name = index.toString("latin1", at, at + 4);
    if (!/^[A-Za-z]{4}$/.test(name)) return undefined;
    names.add(name);
    at += 8 + index.readUInt32BE(at + 4);
  }
  return at === end ? names : undefined;
}
