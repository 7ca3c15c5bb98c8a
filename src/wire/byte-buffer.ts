const EMPTY: Buffer = Buffer.alloc(0);
const FIRST_CAPACITY = 4 * 1024;
/** Up to here room is made at once for what is announced; beyond it, as it comes, since anybody can announce. */
const TRUSTED_BYTES = 2 * 1024 * 1024;
const GROWTH = 16;
/** So few bytes are copied faster here than by asking for it. */
const FEW = 32;

/**
 * Bytes that come in pieces, put together as they come. Pieces are copied, since they are only lent. However small they
 * are, what waits takes memory in proportion to its size; where the whole is announced, each byte is copied once.
 */
export class ByteBuffer {
  readonly #maxBytes: number;
  readonly #announcedBytes: number;
  #bytes = EMPTY;
  #length = 0;

  /** `maxBytes`: no room is made for more in advance. `announcedBytes`: so many are expected, 0 where that is not known. */
  constructor(maxBytes: number, announcedBytes = 0) {
    this.#maxBytes = maxBytes;
    this.#announcedBytes = announcedBytes;
  }

  get length(): number {
    return this.#length;
  }

  /** Takes the bytes from `from` up to `end`: all of them, where nothing else is said. */
  append(bytes: Buffer, from = 0, end: number = bytes.length): void {
    const length = end - from;
    const needed = this.#length + length;
    if (needed > this.#bytes.length) this.#grow(needed);
    if (length > FEW) bytes.copy(this.#bytes, this.#length, from, end);
    else for (let at = from; at < end; at++) this.#bytes[this.#length + at - from] = bytes[at]!;
    this.#length = needed;
  }

  /** Everything so far, to be looked at before the next piece comes. */
  peek(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }

  /** Everything so far, which whoever takes it may keep; nothing is left. */
  take(): Buffer {
    const whole = this.#length === this.#bytes.length ? this.#bytes : this.#bytes.subarray(0, this.#length);
    this.clear();
    return whole;
  }

  clear(): void {
    this.#bytes = EMPTY;
    this.#length = 0;
  }

  #grow(needed: number): void {
    const capacity = this.#capacityFor(needed);
    // Small ones share memory with others of their kind.
    const larger = capacity < FIRST_CAPACITY ? Buffer.allocUnsafe(capacity) : Buffer.allocUnsafeSlow(capacity);
    if (this.#length > 0) this.#bytes.copy(larger, 0, 0, this.#length);
    this.#bytes = larger;
  }

  #capacityFor(needed: number): number {
    const announced = Math.min(this.#announcedBytes, Math.max(TRUSTED_BYTES, needed * GROWTH));
    if (announced >= needed) return announced;
    // What comes in one piece takes no more than its size.
    if (this.#length === 0) return needed;
    return Math.min(Math.max(needed * 2, FIRST_CAPACITY), Math.max(this.#maxBytes, needed));
  }
}
