/** Takes a text that is too large to be kept, piece by piece as it passes. */
export interface Passing {
  take(piece: Buffer): void;
  /** The text is over. */
  end(): void;
}

/** What a message turned out to be that nobody could keep. */
export type Seen =
  /** It answers the request of this id, which stands here as its JSON text. */
  | { readonly kind: "answer"; readonly id: string }
  /** A request or a notification. */
  | { readonly kind: "other" }
  /** It says of itself neither. */
  | { readonly kind: "unknown" };

const [QUOTE, BACKSLASH, OPEN_OBJECT, CLOSE_OBJECT, OPEN_ARRAY, CLOSE_ARRAY, COLON, COMMA, SPACE] = [
  ...[0x22, 0x5c, 0x7b, 0x7d, 0x5b, 0x5d, 0x3a, 0x2c, 0x20],
] as const;
/** Longer keys and ids are none that we know. */
const MAX_TOKEN = 128;
const ANSWERS: ReadonlySet<string> = new Set(["result", "error"]);

/**
 * Looks in a message that passes for what tells whose it is: the members `id`, `method`, `result` and `error` of the
 * outermost object, wherever in it they stand. Keeps nothing else. Says once what it is, as soon as that is clear.
 */
export function passBy(say: (seen: Seen) => void): Passing {
  return new Oversized(say);
}

class Oversized implements Passing {
  readonly #say: (seen: Seen) => void;
  #said = false;
  #depth = 0;
  #inString = false;
  #escaped = false;
  /** What stands at the outermost level now, where it may be of use: a key, or the value of `id`. */
  #token = "";
  #wanted = false;
  #isKey = false;
  #key = "";
  #id: string | undefined;
  #answers = false;

  constructor(say: (seen: Seen) => void) {
    this.#say = say;
  }

  take(piece: Buffer): void {
    if (this.#said) return;
    let nextBackslash = -1;
    for (let at = 0; at < piece.length && !this.#said; at++) {
      if (!this.#inString) {
        this.#outside(piece[at]!);
        continue;
      }
      if (!this.#wanted && !this.#escaped) {
        // Nobody wants to know what it says: on to its end. Each backslash is searched for once.
        const quote = find(piece, QUOTE, at);
        if (nextBackslash < at) nextBackslash = find(piece, BACKSLASH, at);
        at = Math.min(quote, nextBackslash);
        if (at >= piece.length) return;
      }
      this.#inside(piece[at]!);
    }
  }

  end(): void {
    if (this.#said) return;
    this.#endValue();
    this.#conclude({ kind: "unknown" });
  }

  #inside(byte: number): void {
    if (this.#wanted) this.#add(byte);
    if (this.#escaped) this.#escaped = false;
    else if (byte === BACKSLASH) this.#escaped = true;
    else if (byte === QUOTE) this.#inString = false;
  }

  #outside(byte: number): void {
    switch (byte) {
      case QUOTE:
        this.#inString = true;
        this.#wanted = this.#depth === 1 && (this.#isKey || this.#key === "id");
        if (this.#wanted) this.#add(byte);
        return;
      case OPEN_OBJECT:
      case OPEN_ARRAY:
        this.#depth++;
        if (this.#depth === 1) this.#isKey = byte === OPEN_OBJECT;
        return;
      case CLOSE_OBJECT:
      case CLOSE_ARRAY:
        if (this.#depth === 1) this.#endValue();
        this.#depth--;
        return;
      case COLON:
        if (this.#depth === 1) this.#endKey();
        return;
      case COMMA:
        if (this.#depth === 1) this.#endValue();
        return;
      default:
        // A number.
        if (byte > SPACE && this.#depth === 1 && !this.#isKey && this.#key === "id") this.#add(byte);
    }
  }

  #add(byte: number): void {
    if (this.#token.length < MAX_TOKEN) this.#token += String.fromCharCode(byte);
  }

  #endKey(): void {
    this.#key = this.#token.slice(1, -1);
    this.#token = "";
    this.#isKey = false;
    if (this.#key === "method") this.#conclude({ kind: "other" });
    if (ANSWERS.has(this.#key)) this.#answers = true;
    this.#concludeAnswer();
  }

  #endValue(): void {
    if (this.#key === "id" && !this.#isKey && this.#token !== "") this.#id = this.#token;
    this.#token = "";
    this.#key = "";
    this.#isKey = true;
    this.#concludeAnswer();
  }

  #concludeAnswer(): void {
    if (this.#answers && this.#id !== undefined) this.#conclude({ kind: "answer", id: this.#id });
  }

  #conclude(seen: Seen): void {
    if (this.#said) return;
    this.#said = true;
    this.#say(seen);
  }
}

function find(piece: Buffer, byte: number, from: number): number {
  const at = piece.indexOf(byte, from);
  return at < 0 ? piece.length : at;
}
