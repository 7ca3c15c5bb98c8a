import { truncate } from "./printable.ts";

export interface Stream {
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
  readonly rows?: number | undefined;
  write(text: string): unknown;
}

/** Lines that are redrawn in place. */
export interface Live {
  /** Shows these lines instead of the ones before. They must be printable and uncoloured or end their colours. */
  show(lines: readonly string[]): void;
  /** Removes the lines, so that something else can be printed; the next `show` begins below that. */
  clear(): void;
}

const UP_AND_ERASE = (lines: number): string => (lines > 0 ? `\x1b[${lines}A\r\x1b[J` : "");

/** Draws on a screen. Every line is cut to its width: a wrapped one could not be taken back. */
export function liveOn(stream: Stream, hide: (text: string) => string = text => text): Live {
  let drawn = 0;
  const draw = (lines: readonly string[]): void => {
    const columns = (stream.columns || 80) - 1;
    // What has scrolled off the screen cannot be taken back either.
    const shown = lines.slice(0, Math.max(1, (stream.rows || 24) - 1));
    const text = shown.map(line => `${cut(hide(line), columns)}\n`).join("");
    stream.write(UP_AND_ERASE(drawn) + text);
    drawn = shown.length;
  };
  return { show: draw, clear: () => draw([]) };
}

/** Colours take no room, and a cut inside one would leave it on: a coloured line that is too long loses them. */
function cut(line: string, columns: number): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: our own colours
  const bare = line.replace(/\x1b\[\d+m/g, "");
  const short = truncate(bare, columns);
  return short === bare ? line : short;
}
