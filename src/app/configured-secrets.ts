import type { Holding } from "../config/parse.ts";
import { isSecretName } from "../guard/secret-names.ts";
import { type Standing, secretsIn } from "../guard/secret-values.ts";
import { redactShapes } from "../guard/sensitive.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** Everything secret that a configuration holds, whether or not it was understood: `env` is what it may draw on. */
export function secretsOf({ written, filled }: Holding, env: Environment): string[] {
  const root = tableOf(written);
  return [
    ...filled.flatMap(({ variable, value }) => secretsIn(variable, value, "filled_in")),
    ...listOf(root.upstreams).flatMap(upstream => secretsOfUpstream(tableOf(upstream), env)),
  ];
}

function secretsOfUpstream(upstream: Table, env: Environment): string[] {
  const auth = tableOf(upstream.auth);
  return [
    ...entriesOf(upstream.env).flatMap(([name, value]) => secretsIn(name, value, "given")),
    ...entriesOf(upstream.headers).flatMap(([name, value]) => secretsOfHeader(name, value)),
    ...textsOf(upstream.inherit_env).flatMap(name => secretsIn(name, env[name] ?? "", "given")),
    ...secretsOfArguments(textsOf(upstream.args)),
    ...secretsIn("url", textOf(upstream.url), "given"),
    ...secretsIn("client_secret", textOf(auth.client_secret), "told"),
    ...secretsIn("token_url", textOf(auth.token_url), "given"),
  ];
}

/** Those of a process by itself: the names say which. Only what cannot be anything else counts. */
export function secretsOfEnvironment(env: Environment): string[] {
  return Object.entries(env).flatMap(([name, value = ""]) => {
    if (PROXY.test(name)) return secretsIn(name, value, "given");
    return isSecretName(name) && value.length >= LEAST ? secretsIn(name, value, "given") : [];
  });
}

const PROXY = /^(?:https?|all|ftp)_proxy$/i;
const LEAST = 12;

/** Header fields that say how to talk, and not as whom. */
const TALK =
  /^(?:accept(?:-.*)?|user-agent|host|origin|referer|content-.*|cache-control|connection|te|from|via|mcp-.*)$/i;

const secretsOfHeader = (name: string, value: string): string[] =>
  TALK.test(name) ? [] : /^cookie$/i.test(name) ? secretsOfCookie(value) : secretsIn(name, value, standingOf(name));

const standingOf = (name: string): Standing => (isSecretName(name) ? "told" : "given");

const secretsOfCookie = (value: string): string[] =>
  value.split(";").flatMap(pair => secretsIn("cookie", pair.slice(pair.indexOf("=") + 1).trim(), "told"));

/** Options of one letter that most programs use for a key, a password or a user with one. */
const LETTERS = /^-[kpPu]$/;
const KEYS = /^--?(?:key|pass|pat|auth|bearer|credentials?|connection-string|dsn|pin)$/i;

/** Values behind options that name a secret, variables and header fields that are set for others, and what looks like a key. */
function secretsOfArguments(args: readonly string[]): string[] {
  return args.flatMap((arg, at) => {
    const before = args[at - 1] ?? "";
    const option = /^(--?[\w.-]+)=([\s\S]*)$/.exec(arg);
    if (option) return secretsOfOption(option[1] ?? "", option[2] ?? "");
    if (arg.startsWith("-") && !/\s/.test(arg)) return [];
    return before.startsWith("-") && !before.includes("=") ? secretsOfOption(before, arg) : secretsOfOption("", arg);
  });
}

function secretsOfOption(option: string, value: string): string[] {
  const pair = /^([\w.-]+)(?:=|:\s?)([\s\S]*)$/.exec(value);
  const isAddress = /^\w[\w+.-]*:\/\//.test(value);
  const inner = pair && !isAddress ? secretsIn(pair[1] ?? "", pair[2] ?? "", "given") : [];
  if (isSecretName(option) || KEYS.test(option)) return [...inner, ...secretsIn("secret", value, "told")];
  return [...inner, ...secretsIn(option, value, LETTERS.test(option) ? "filled_in" : "given")];
}

type Table = Readonly<Record<string, unknown>>;
const tableOf = (value: unknown): Table =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Table) : {};
const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);
const textOf = (value: unknown): string => (typeof value === "string" ? value : "");
const textsOf = (value: unknown): string[] => listOf(value).map(textOf);
const entriesOf = (value: unknown): [string, string][] =>
  Object.entries(tableOf(value)).map(([name, inner]) => [name, textOf(inner)]);

const QUOTED = /"(?:[^"\\]|\\.)*"?|'[^']*'?/g;
const KEY_BEFORE = /([\w-]+)["']?\s*=\s*$/;

/** A line of the configuration with asterisks in the place of all that may be secret, as long as it was. */
export function maskLine(line: string): string {
  return line.replace(QUOTED, (text: string, at: number) => {
    if (text.includes("${") || NOTHING_SECRET.test(KEY_BEFORE.exec(line.slice(0, at))?.[1] ?? "")) return text;
    const said = text.replace(/^["']|["']$/g, "");
    const name = KEY_BEFORE.exec(line.slice(0, at))?.[1] ?? "";
    const isSecret = secretsOfOption(name, said).length > 0 || redactShapes(said) !== said;
    return isSecret ? text.replace(/[^"']/g, "*") : text;
  });
}

const NOTHING_SECRET = /^(?:name|transport|group|command|cwd|host|protocol|isolation|tools|token_url)$/;
