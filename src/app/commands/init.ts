import {
  closeSync,
  constants,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join, relative, resolve } from "node:path";
import { FILE, FOLDER, findConfig } from "../../config/find.ts";
import { jsonSchema } from "../../config/json-schema.ts";
import { starterFile } from "../../config/starter.ts";
import { replaceFile, temporaryName } from "../../lib/replace-file.ts";
import { locate } from "../control/places.ts";
import { fail } from "../errors.ts";
import { EXIT } from "../exit-codes.ts";
import { printable } from "../terminal/printable.ts";
import type { Command, Common } from "./command.ts";
import { rememberMade } from "./trusting.ts";

export interface InitOptions extends Common {
  readonly force?: boolean | undefined;
  readonly print?: boolean | undefined;
}

const SCHEMA_FILE = "mcp-proxy.schema.json";

/** Writes the starter file. */
export const init: Command<InitOptions> = async (options, context) => {
  const { terminal, cwd } = context;
  if (options.print) {
    terminal.out(starterFile().trimEnd());
    return EXIT.ok;
  }
  const path = resolve(cwd, options.config ?? join(FOLDER, FILE));
  const folder = dirname(path);
  const above = findConfig(dirname(cwd));
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  write(path, starterFile(), options.force ?? false);
  const made = locate({ config: path }, context);
  if (made?.ok && made.places.configPath !== null) rememberMade(made.places.configPath, context);
  replaceFile(join(folder, SCHEMA_FILE), `${JSON.stringify(jsonSchema(), undefined, 2)}\n`);
  const ignored = join(folder, ".gitignore");
  if (basename(folder) === FOLDER && !ignoreRunFolder(ignored))
    terminal.err(
      `${printable(ignored)} is a link and was left as it is: have "run/" ignored, which holds keys and logs.`,
    );
  const shown = printable(relative(cwd, path) || path);
  terminal.out(`Wrote ${shown}`);
  if (above && options.config === undefined)
    terminal.err(`From here on it is used in this folder instead of ${printable(above)}.`);
  const { paint } = terminal;
  terminal.err(
    [
      "",
      paint.err("strong", "Next:"),
      `  1. Add your MCP servers to ${shown}; three examples stand in it.`,
      `  2. ${paint.err("accent", "rad mcp proxy validate")}   finds mistakes`,
      `  3. ${paint.err("accent", "rad mcp proxy start")}      serves them all at http://localhost:3000/mcp`,
    ].join("\n"),
  );
  return EXIT.ok;
};

/** Never overwrites unless told to; then replaces the file as a whole, also where it is a link. */
function write(path: string, text: string, force: boolean): void {
  const target = force ? temporaryName(path) : path;
  try {
    writeFileSync(target, text, { flag: "wx", mode: 0o600 });
  } catch (error) {
    const { code, syscall } = error as NodeJS.ErrnoException;
    if (code !== "EEXIST") {
      // Opened by us, then: a file of somebody else is never removed.
      if (syscall === "write") rmSync(target, { force: true });
      throw Object.assign(error as Error, { path });
    }
    fail("fileExists", "The configuration file exists already", {
      where: path,
      help: [
        "Edit it, or replace it with the starter file: `rad mcp proxy init --force`.",
        "To see the starter file only: `rad mcp proxy init --print`.",
      ],
    });
  }
  if (!force) return;
  try {
    renameSync(target, path);
  } catch (error) {
    rmSync(target, { force: true });
    throw Object.assign(error as Error, { path });
  }
}

/** A link is left as it is: what it leads to is somebody else's. */
function ignoreRunFolder(path: string): boolean {
  if (lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink()) return false;
  const { O_RDWR, O_APPEND, O_CREAT, O_NOFOLLOW } = constants;
  const file = openSync(path, O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW, 0o600);
  try {
    const text = readFileSync(file, "utf8");
    const separator = text === "" || text.endsWith("\n") ? "" : "\n";
    if (!text.split(/\r?\n/).includes("run/")) writeFileSync(file, `${separator}run/\n`);
    return true;
  } finally {
    closeSync(file);
  }
}
