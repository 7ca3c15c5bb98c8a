// biome-ignore-all lint/suspicious/noTemplateCurlyInString: that is how variables are written in the file.
/** `${VAR}` in string values, replaced after TOML was parsed, so that a value can never inject keys. */
import type { Complaint, KeyPath } from "./problem.ts";
import { isTable, pathId } from "./values.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

/** A variable whose value is in the configuration now. */
export interface Filled {
  readonly variable: string;
  readonly value: string;
}

export interface Interpolated {
  readonly value: unknown;
  readonly complaints: readonly Complaint[];
  /** What was put in for variables of the environment. */
  readonly filled: readonly Filled[];
  /** Ids (`pathId`) of the values that held a `${…}`. */
  readonly replaced: ReadonlySet<string>;
  /** Ids of the values that could not be filled in; they stay as written. */
  readonly failed: ReadonlySet<string>;
}

const NAME = "[A-Za-z_][A-Za-z0-9_]*";
const EXPRESSION = new RegExp(`^(${NAME})(?:(:-|:\\?)([\\s\\S]*))?$`);

/** Regular expressions use `$` themselves. */
const isLiteral = (path: KeyPath): boolean => path[0] === "security" && path[1] === "redact_patterns";

type Lookup = { readonly text: string; readonly from?: string } | Pick<Complaint, "code" | "message" | "help">;

function lookUp(expression: string, env: Environment): Lookup {
  const [, name, operator, rest = ""] = EXPRESSION.exec(expression) ?? [];
  if (name === undefined || rest.includes("${")) {
    return {
      code: "RAD1209",
      message: `"\${${expression}}" is not understood`,
      help: "write ${NAME}, ${NAME:-default} or ${NAME:?message}, not nested; $${ stands for a literal ${",
    };
  }
  const found = env[name];
  if (operator === undefined) {
    if (found !== undefined) return { text: found, from: name };
    return {
      code: "RAD1208",
      message: `environment variable ${name} is not set`,
      help: `set ${name} before starting, or write \${${name}:-default}`,
    };
  }
  if (found !== undefined && found !== "") return { text: found, from: name };
  if (operator === ":-") return { text: rest };
  return {
    code: "RAD1208",
    message: `environment variable ${name} is not set or empty${rest === "" ? "" : `: ${rest}`}`,
    help: `set ${name} before starting`,
  };
}

/** Replaces in every string below `root`; keys are left alone, and what was put in is not looked at again. */
export function interpolate(root: unknown, env: Environment): Interpolated {
  const complaints: Complaint[] = [];
  const filled: Filled[] = [];
  const replaced = new Set<string>();
  const failed = new Set<string>();

  const fill = (written: string, path: KeyPath): string => {
    if (!written.includes("${") || isLiteral(path)) return written;
    let text = "";
    let at = 0;
    const complain = (inside: string, trouble: Pick<Complaint, "code" | "message" | "help">) => {
      failed.add(pathId(path));
      complaints.push({ ...trouble, path, point: { inside } });
    };
    for (let start = written.indexOf("${"); start >= 0; start = written.indexOf("${", at)) {
      if (written[start - 1] === "$") {
        text += `${written.slice(at, start - 1)}\${`;
        at = start + 2;
        continue;
      }
      const end = written.indexOf("}", start);
      if (end < 0) {
        const help = 'close it with "}", or write $${ for a literal ${';
        complain(written.slice(start), { code: "RAD1209", message: 'a "${" has no closing "}"', help });
        return written;
      }
      replaced.add(pathId(path));
      const expression = written.slice(start + 2, end);
      const result = lookUp(expression, env);
      if ("code" in result) complain(`\${${expression}}`, result);
      else {
        text += written.slice(at, start) + result.text;
        if (result.from !== undefined) filled.push({ variable: result.from, value: result.text });
      }
      at = end + 1;
    }
    return failed.has(pathId(path)) ? written : text + written.slice(at);
  };

  const visit = (value: unknown, path: KeyPath): unknown => {
    if (typeof value === "string") return fill(value, path);
    if (Array.isArray(value)) return value.map((item, position) => visit(item, [...path, position]));
    if (!isTable(value)) return value;
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, visit(inner, [...path, key])]));
  };
  return { value: visit(root, []), complaints, filled, replaced, failed };
}
