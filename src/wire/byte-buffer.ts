const EMPTY: Buffer = Buffer.alloc(0);
const FIRST_CAPACITY = 4 * 1024;
/** So few bytes are copied faster here than by asking for it. */
const FEW = 32;

/**
 * Bytes that come in pieces, put together as they come. However small the pieces are, what waits takes memory in
 * proportion to its size; one that comes alone is not copied.
 */
export class ByteBuffer {
  readonly #maxBytes: number;
  #bytes = EMPTY;
  #length = 0;
  /** Whether the memory is our own; otherwise it is that of the only piece. */
  #isOwn = false;

  /** `maxBytes`: no room is made for more in advance. */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get length(): number {
    return this.#length;
  }

  /** Takes the bytes from `from` up to `end`: all of them, where nothing else is said. */
  append(bytes: Buffer, from = 0, end: number = bytes.length): void {
    const length = end - from;
    if (this.#length === 0) {
      this.#bytes = length === bytes.length ? bytes : bytes.subarray(from, end);
      this.#isOwn = false;
      this.#length = length;
      return;
    }
    const needed = this.#length + length;
    if (!this.#isOwn || needed > this.#bytes.length) this.#grow(needed);
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
    const whole = this.#bytes.subarray(0, this.#length);
    this.clear();
    return whole;
  }

  clear(): void {
    this.#bytes = EMPTY;
    this.#length = 0;
    this.#isOwn = false;
  }

  #grow(needed: number): void {
    const capacity = Math.min(Math.max(needed * 2, FIRST_CAPACITY), Math.max(this.#maxBytes, needed));
    const larger = Buffer.allocUnsafeSlow(capacity);
    this.#bytes.copy(larger, 0, 0, this.#length);
    this.#bytes = larger;
    this.#isOwn = true;
  }
}
