// biome-ignore-all lint/suspicious/noTemplateCurlyInString: that is how variables are written in the file.
/** What the schema cannot see: relations between values, regular expressions, the file's permissions. */
import { RE2JS } from "re2js";
import { checkPlainHttp } from "./plain-http.ts";
import type { Complaint, KeyPath } from "./problem.ts";
import { upstreamLabel } from "./tables.ts";
import { checkUnsent, holdsCredentials } from "./unsent.ts";
import { isTable, upstreamsOf, valueAt } from "./values.ts";

const PREFERRED_NAME = /^[a-z][a-z0-9-]{0,31}$/;

/** Works on values that the schema may have refused, so that everything is said at once. */
export function checkRules(root: unknown): readonly Complaint[] {
  return [
    ...checkNames(root),
    ...checkDoor(root),
    ...checkPatterns(root),
    ...checkUnsent(root),
    ...checkPlainHttp(root),
  ];
}

function checkNames(root: unknown): readonly Complaint[] {
  const first = new Map<string, number>();
  return upstreamsOf(root).flatMap(({ table, index }): Complaint[] => {
    const name = table.name;
    if (typeof name !== "string" || name === "" || /[:/]/.test(name)) return [];
    const path = ["upstreams", index, "name"];
    const earlier = first.get(name);
    if (earlier !== undefined) {
      const message = `the name ${JSON.stringify(name)} is already taken by upstream #${earlier + 1}`;
      return [{ code: "RAD1206", path, point: "value", message, help: "give each upstream a name of its own" }];
    }
    first.set(name, index);
    if (PREFERRED_NAME.test(name)) return [];
    const message = `${upstreamLabel(root, index)} gets a derived prefix in tool names`;
    const help = 'use lower-case letters, digits and "-", beginning with a letter, at most 32 long';
    return [{ code: "RAD1212", path, point: "value", message, help }];
  });
}

/** A name, an address, an IPv6 address in brackets; with or without a port. Or an IPv6 address as it is. */
const HOST = /^(?:[\w.-]+|\[[\da-f:.]+\])(?::\d{1,5})?$|^[\da-f]*:[\da-f:.]*:[\da-f:.]*$/i;
const ORIGIN = /^[a-z][a-z\d+.-]*:\/\/[^\s/?#*@]+\/?$/i;
const ANY_ORIGIN: Readonly<Record<string, string>> = {
  "*": '"*" would let every web page of the world send requests',
  null: '"null" is not one page: it is what every sandboxed or local page sends, whatever its author',
};

/** What would match nothing, or everybody. */
function checkDoor(root: unknown): readonly Complaint[] {
  const strings = (key: string, complain: (value: string) => Pick<Complaint, "message" | "help"> | undefined) => {
    const values = valueAt(root, [key]);
    if (!Array.isArray(values)) return [];
    return values.flatMap((value, index): Complaint[] => {
      const found = typeof value === "string" ? complain(value) : undefined;
      return found ? [{ code: "RAD1213", path: [key, index], point: "value", ...found }] : [];
    });
  };
  return [
    ...strings("allowed_hosts", value =>
      HOST.test(value)
        ? undefined
        : {
            message: "this is not a host name, and no request would carry it",
            help: 'write each name out, such as "gateway.example.com"; there are no patterns. /healthz and /readyz answer to any name',
          },
    ),
    ...strings("allowed_origins", value =>
      ORIGIN.test(value)
        ? undefined
        : {
            message: ANY_ORIGIN[value.toLowerCase()] ?? "this is not a web origin, and no browser would send it",
            help: 'write each origin out as browsers send it, such as "https://app.example.com"',
          },
    ),
  ];
}

function checkPatterns(root: unknown): readonly Complaint[] {
  const patterns = valueAt(root, ["security", "redact_patterns"]);
  if (!Array.isArray(patterns)) return [];
  return patterns.flatMap((pattern, index): Complaint[] => {
    const trouble = typeof pattern === "string" ? patternTrouble(pattern) : undefined;
    if (trouble === undefined) return [];
    return [{ code: "RAD1207", path: ["security", "redact_patterns", index], point: "value", ...trouble }];
  });
}

/** Why the linear-time engine does not take a pattern, or `undefined`. */
export function patternTrouble(pattern: string): { readonly message: string; readonly help: string } | undefined {
  const said = refusal(pattern);
  if (said === undefined) return undefined;
  const beyond = /\(\?<?[=!]/.test(pattern)
    ? "look-around"
    : /\\[1-9]|\\k</.test(pattern)
      ? "a back-reference"
      : undefined;
  if (beyond === undefined)
    return {
      message: `this redact pattern is not a regular expression: ${said}`,
      help: "correct it; the syntax is RE2",
    };
  return {
    message: `this redact pattern uses ${beyond}, which cannot be matched in linear time`,
    help: "rewrite it in RE2 syntax: patterns run on every logged body, and one that backtracks could stop the proxy",
  };
}

function refusal(pattern: string): string | undefined {
  try {
    RE2JS.compile(pattern, RE2JS.CASE_INSENSITIVE);
    return undefined;
  } catch (error) {
    return (error as Error).message.replace("error parsing regexp: ", "").replace("`(?i)", "`");
  }
}

const EVERYBODY_WRITES = 0o002;
const GROUP_WRITES = 0o020;
const EVERYBODY_READS = 0o004;

/** `file`: its path; `mode`: its permission bits; `written`: the values before interpolation. */
export function checkPermissions(file: string, mode: number, written: unknown): readonly Complaint[] {
  const whole = { path: [], point: "key" } as const;
  const complaints: Complaint[] = [];
  if (mode & EVERYBODY_WRITES) {
    const message = "everybody on this machine may write to this file, and so run programs as you";
    complaints.push({ ...whole, code: "RAD1004", message, help: `take the right away: chmod o-w ${file}` });
  }
  if (mode & GROUP_WRITES) {
    const message = "a group of users may write to this file, and so run programs as you";
    complaints.push({
      ...whole,
      code: "RAD1005",
      message,
      help: `take the right away unless they may: chmod g-w ${file}`,
    });
  }
  if (!(mode & EVERYBODY_READS)) return complaints;
  for (const { path, key } of secretsIn(written)) {
    const message = `"${key}" holds a secret, and everybody on this machine may read this file`;
    const help = `write "\${VAR}" and set the variable, or take the right away: chmod o-r ${file}`;
    complaints.push({ code: "RAD1006", path, point: "key", message, help });
  }
  return complaints;
}

const SECRET_NAME = /secret|token|passw|authorization|api[_-]?key|cookie|credential/i;

function secretsIn(written: unknown): readonly { readonly path: KeyPath; readonly key: string }[] {
  return upstreamsOf(written).flatMap(({ table, index }) => [
    ...(holdsCredentials(table.url) && !String(table.url).includes("${")
      ? [{ path: ["upstreams", index, "url"], key: "url" }]
      : []),
    ...["auth", "headers", "env"].flatMap(part => {
      const inner = table[part];
      if (!isTable(inner)) return [];
      return Object.entries(inner)
        .filter(([key, value]) => SECRET_NAME.test(key) && key !== "token_url" && typeof value === "string")
        .filter(([, value]) => value !== "" && !String(value).includes("${"))
        .map(([key]) => ({ path: ["upstreams", index, part, key], key }));
    }),
  ]);
}
