import { displayWidth, printable, truncate } from "./printable.ts";
import { type Paint, plain, type Tone } from "./terminal.ts";

/** A cell's text may come from outside: the table makes it printable. */
export type Cell = string | { readonly text: string; readonly tone: Tone };

export interface TableOptions {
  readonly paint?: Paint;
  /** Columns of the screen; longer lines are cut. `undefined`: nothing is cut. */
  readonly columns?: number | undefined;
  /** Indexes of the columns that hold numbers. */
  readonly right?: readonly number[];
}

const GAP = 2;
const textOf = (cell: Cell): string => printable(typeof cell === "string" ? cell : cell.text);

/** Lines of a table without borders: a dim line of headers, then a line for each row. */
export function table(
  headers: readonly string[],
  rows: readonly (readonly Cell[])[],
  options: TableOptions = {},
): string[] {
  const paint = options.paint ?? plain;
  const all: readonly (readonly Cell[])[] = [headers.map((text): Cell => ({ text, tone: "dim" })), ...rows];
  const widths = headers.map((_, column) => Math.max(...all.map(row => displayWidth(textOf(row[column] ?? "")))));
  return all.map(row => {
    let left = options.columns ?? Number.POSITIVE_INFINITY;
    let line = "";
    let pending = "";
    for (const [column, width] of widths.entries()) {
      const cell = row[column] ?? "";
      const text = truncate(textOf(cell), Math.max(1, left));
      const padding = " ".repeat(Math.max(0, width - displayWidth(text)));
      const shown = text === "" || typeof cell === "string" ? text : paint(cell.tone, text);
      const right = options.right?.includes(column) ?? false;
      if (text !== "") line += `${pending}${right ? padding : ""}${shown}`;
      pending = (text === "" ? `${pending}${padding}` : right ? "" : padding) + " ".repeat(GAP);
      left -= width + GAP;
      if (left <= 0) break;
    }
    return line;
  });
}
