// biome-ignore-all lint/suspicious/noTemplateCurlyInString: that is how variables are written in the file.
/** What the schema found wrong, in words for the person who wrote the file. */
import type * as z from "zod";
import { isTransport, TRANSPORTS } from "./behind.ts";
import type { Complaint, KeyPath } from "./problem.ts";
import { nearest } from "./spelling.ts";
import { allowedKeys, homeOf, tableLabel, transportsWith } from "./tables.ts";
import { isTable, pathId, valueAt } from "./values.ts";

type Issue = z.core.$ZodIssue;

const EXPECTED: Readonly<Record<string, string>> = {
  string: "a string",
  number: "a number",
  int: "a whole number",
  boolean: "true or false",
  array: "an array",
  object: "a table",
  record: "a table",
};

const listed = (values: readonly unknown[]): string => values.map(value => JSON.stringify(value)).join(", ");

/** "a", "b" or "c". */
const choice = (values: readonly unknown[]): string => listed(values).replace(/, ([^,]*)$/, " or $1");

/** The second half of a message, for checks that have no words of their own in the schema. */
export const wording: z.core.$ZodErrorMap = issue => {
  switch (issue.code) {
    case "invalid_type":
      return `must be ${EXPECTED[issue.expected] ?? issue.expected}`;
    case "too_small":
      return `must be ${issue.inclusive ? "at least" : "greater than"} ${issue.minimum}`;
    case "too_big":
      return `must be ${issue.inclusive ? "at most" : "less than"} ${issue.maximum}`;
    case "invalid_value":
      return issue.values.length === 1 ? `must be ${listed(issue.values)}` : `must be one of ${listed(issue.values)}`;
    case "invalid_union":
      return `must be one of ${listed(TRANSPORTS)}`;
    case "invalid_key":
      return issue.issues.map(inner => inner.message).join(", ");
    default:
      return "is not valid";
  }
};

/** One issue may name several unknown keys. */
export function complaintsOf(root: unknown, issue: Issue, replaced: ReadonlySet<string>): readonly Complaint[] {
  const path = issue.path as KeyPath;
  if (issue.code === "unrecognized_keys") return issue.keys.flatMap(key => unknownKey(root, path, key));
  const value = valueAt(root, path);
  if (value === undefined) return [missingKey(root, path)];
  const isReplaced = replaced.has(pathId(path));
  const found = isReplaced ? " after its variables were filled in" : describeFound(issue, value);
  return [
    {
      code: "RAD1204",
      path,
      point: issue.code === "invalid_key" ? "key" : "value",
      message: `${subjectOf(root, path)} ${issue.message}${found}`,
      help: isReplaced ? "check the variables in the value" : helpFor(issue, value),
    },
  ];
}

function subjectOf(root: unknown, path: KeyPath): string {
  const last = path.at(-1);
  const holder = path.slice(0, -1);
  if (last === undefined || (holder.length === 1 && typeof last === "number")) return tableLabel(root, path);
  if (typeof last === "string") return `"${last}" in ${tableLabel(root, holder)}`;
  return `item ${last + 1} of "${holder.at(-1)}" in ${tableLabel(root, holder.slice(0, -1))}`;
}

/** Text is shown only where a secret has no business to be. */
function describeFound(issue: Issue, value: unknown): string {
  if (typeof value === "number" || typeof value === "boolean" || typeof value === "bigint") return `, not ${value}`;
  const telling = issue.code === "invalid_value" || issue.code === "invalid_union";
  if (typeof value === "string") return telling ? `, not ${JSON.stringify(value)}` : "";
  if (Array.isArray(value)) return ", not an array";
  return isTable(value) ? ", not a table" : ", not a date";
}

function helpFor(issue: Issue, value: unknown): string {
  switch (issue.code) {
    case "invalid_value":
      return spellingHelp(value, issue.values.map(String));
    case "invalid_union":
      return spellingHelp(value, TRANSPORTS);
    case "invalid_type":
      return typeHelp(issue.expected, value);
    case "invalid_format":
      return issue.format === "url" ? 'write it like "http://localhost:8080/mcp"' : "take out what is not allowed";
    case "invalid_key":
      return "correct the name";
    default:
      return typeof value === "string" ? "give a value, or remove the line" : "use a number in that range";
  }
}

function spellingHelp(value: unknown, allowed: readonly string[]): string {
  const meant = typeof value === "string" ? nearest(value, allowed) : undefined;
  return meant === undefined ? "use one of the values named above" : `did you mean "${meant}"?`;
}

function typeHelp(expected: string, value: unknown): string {
  if (expected === "array") {
    return isTable(value) ? "write its name in double brackets: [[ … ]]" : "put the values in brackets: [ … ]";
  }
  if (expected === "object" || expected === "record") return "write a table: { key = value, … }";
  if (expected === "boolean") return "write true or false, without quotes";
  if (expected !== "string") return typeof value === "string" ? "write a number, without quotes" : "write a number";
  return isTable(value) || Array.isArray(value) ? "write one text in quotes" : "put the value in quotes";
}

function missingKey(root: unknown, path: KeyPath): Complaint {
  const table = path.slice(0, -1);
  const key = String(path.at(-1));
  const transport = valueAt(root, [...table, "transport"]);
  const because = key === "url" || key === "command" ? `, which transport ${JSON.stringify(transport)} needs` : "";
  return {
    code: "RAD1205",
    path,
    point: "key",
    message: `${tableLabel(root, table)} has no "${key}"${because}`,
    help: key === "transport" ? `add transport = ${choice(TRANSPORTS)}` : `add ${key} = "…"`,
  };
}

function unknownKey(root: unknown, table: KeyPath, key: string): readonly Complaint[] {
  const at = { path: [...table, key], point: "key" } as const;
  const label = tableLabel(root, table);
  const transports = table[0] === "upstreams" && table.length === 2 ? transportsWith(key) : [];
  if (transports.length > 0) {
    const transport = valueAt(root, [...table, "transport"]);
    // Whether the key applies is unknown until the transport is right.
    if (!isTransport(transport)) return [];
    const message = `"${key}" does not apply to ${label}: its transport is "${transport}"`;
    const help = key === "auth" ? AUTH_HELP : `"${key}" is for transport ${transports.map(quote).join(" and ")}`;
    return [{ ...at, code: "RAD1210", message, help }];
  }
  const allowed = allowedKeys(root, table);
  const meant = nearest(key, allowed);
  const home = homeOf(key);
  const elsewhere = home === undefined ? `allowed keys: ${allowed.join(", ")}` : `it belongs in ${home}`;
  const help = meant === undefined ? elsewhere : `did you mean "${meant}"?`;
  return [{ ...at, code: "RAD1203", message: `unknown key ${quote(key)} in ${label}`, help }];
}

const AUTH_HELP = `give credentials to a child process with env = { NAME = "\${VAR}" }`;
const quote = (text: string): string => JSON.stringify(text);
