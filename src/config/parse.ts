/** From the text of a configuration file to what it means. Pure. */
import { parse, TomlError } from "smol-toml";
import { type Environment, type Filled, interpolate } from "./interpolate.ts";
import { maskSecrets } from "./mask.ts";
import type { Finding } from "./owners.ts";
import { indexPositions, type Place } from "./positions.ts";
import { CONFIG_CODES, type Complaint, type KeyPath, type Problem } from "./problem.ts";
import { checkPermissions, checkRules } from "./rules.ts";
import type { Config } from "./schema.ts";
import { nearest } from "./spelling.ts";
import { dropIdleKeys, understand } from "./understand.ts";
import { checkUsers, type UserTrouble } from "./users.ts";
import { isTable, pathId } from "./values.ts";

/**
 * `path` is only shown; `mode`: permission bits of the file, left out where they mean nothing; `findings`: what was found
 * on the way to it.
 */
export interface ParseInput {
  readonly text: string;
  readonly path: string;
  readonly env: Environment;
  readonly mode?: number;
  readonly findings?: readonly Finding[];
  /** Why a child cannot run as a user; left out where that is not looked at. */
  readonly user?: UserTrouble;
  /** Takes what is secret out of a line that is shown, beside what looks like it anyway. */
  readonly mask?: (line: string) => string;
}

/** What may be secret of what was read, whether or not it was understood. Behind a function, so that no dump shows it. */
export interface Holding {
  /** `[mcp.proxy]`, with its variables filled in. */
  readonly written: unknown;
  readonly filled: readonly Filled[];
}

/** `problems` holds at least one error and all warnings, in the order of the file. */
export type LoadResult =
  | {
      readonly ok: true;
      readonly config: Config;
      readonly warnings: readonly Problem[];
      /** Whether the file says anything of us; an empty one does not. */
      readonly hasTable: boolean;
      /** The contents of `[mcp.proxy]` before variables were filled in. */
      readonly written: unknown;
      readonly holding: () => Holding;
    }
  | { readonly ok: false; readonly problems: readonly Problem[]; readonly holding?: () => Holding };

const ROOT: KeyPath = ["mcp", "proxy"];
/** Complaints that are about the file, not about a line of it. */
const WHOLE_FILE: Place = { line: 0, column: 0 };

export function parseConfig(input: ParseInput): LoadResult {
  const text = input.text.replace(/^\uFEFF/, "");
  const lines = text.split(/\r?\n/);
  const { mask = line => line } = input;
  const placed = ({ code, message, help }: Omit<Complaint, "path" | "point">, at: Place): Problem => ({
    code,
    level: CONFIG_CODES[code].level,
    message,
    file: input.path,
    line: at.line,
    column: at.column,
    sourceLine: mask(maskSecrets(lines[at.line - 1] ?? "")),
    help,
  });

  const document = readToml(text);
  if (document.kind === "broken") {
    const { message, at } = document;
    return { ok: false, problems: [placed({ code: "RAD1002", message, help: SYNTAX_HELP }, at)] };
  }
  const locate = indexPositions(text, ROOT);
  const { config, complaints, hasTable, written, holding } = judge(document.values, input);
  const problems = complaints
    .map(one => placed(one, one.path.length === 0 && one.point === "key" ? WHOLE_FILE : locate(one.path, one.point)))
    .sort((a, b) => a.line - b.line || a.column - b.column);
  if (config !== undefined && problems.every(problem => problem.level === "warning")) {
    return { ok: true, config, warnings: problems, hasTable, written, holding: () => holding };
  }
  return { ok: false, problems, holding: () => holding };
}

const SYNTAX_HELP = "correct the syntax (https://toml.io); nothing after this place was looked at";

type Document =
  | { readonly kind: "read"; readonly values: Record<string, unknown> }
  | { readonly kind: "broken"; readonly message: string; readonly at: Place };

function readToml(text: string): Document {
  try {
    return { kind: "read", values: parse(text) };
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    const said = error.message.split("\n")[0]!.replace("Invalid TOML document: ", "");
    return { kind: "broken", message: `not valid TOML: ${said}`, at: { line: error.line, column: error.column } };
  }
}

interface Judged {
  readonly config: Config | undefined;
  readonly complaints: readonly Complaint[];
  readonly hasTable: boolean;
  /** Before variables were filled in. */
  readonly written: unknown;
  readonly holding: Holding;
}

/** Everything there is to say about the values, in one go. */
function judge(values: Record<string, unknown>, { path, env, mode, user, findings = [] }: ParseInput): Judged {
  const proxy = isTable(values.mcp) ? values.mcp.proxy : values.mcp;
  const written = proxy ?? {};
  const { value: root, complaints: unfilled, filled, replaced, failed } = interpolate(written, env);
  const idle = dropIdleKeys(root);
  const understood = understand(root, replaced);
  const schema = understood.ok ? [] : understood.complaints;
  const complaints = [
    ...findings.map(finding => ({ ...finding, path: [], point: "key" as const })),
    ...(mode === undefined ? [] : checkPermissions(path, mode, written)),
    ...(proxy === undefined && Object.keys(values).length > 0 ? [nothingForUs(values)] : []),
    ...unfilled,
    ...idle,
    // A value whose variable is missing has been complained about once.
    ...[...schema, ...checkRules(root), ...checkUsers(root, user)].filter(({ path }) => !failed.has(pathId(path))),
  ];
  const holding = { written: root, filled };
  const config = understood.ok ? understood.config : undefined;
  return { config, complaints, hasTable: proxy !== undefined, written, holding };
}

function nothingForUs(values: Record<string, unknown>): Complaint {
  const inner = isTable(values.mcp) ? Object.keys(values.mcp).map(key => ["mcp", key]) : [];
  const found = [...inner, ...Object.keys(values).map(key => [key])].find(([first = "", second]) =>
    second !== undefined ? nearest(second, ["proxy"]) : first !== "mcp" && nearest(first, ["mcp", "proxy"]),
  );
  return {
    code: "RAD1007",
    path: [],
    point: "key",
    message: "there is no [mcp.proxy] table in this file; every setting has its default",
    help: found
      ? `did you mean [mcp.proxy] where it says [${found.join(".")}]?`
      : "put the settings under [mcp.proxy] and [[mcp.proxy.upstreams]]",
  };
}
