import { holdsUuid, looksRandom } from "../core/secrets/looks-random.ts";
import { isSecretName, saysSecret } from "./secret-names.ts";
import { redactShapes } from "./sensitive.ts";

/**
 * How much speaks for a value being secret, beside itself:
 * - `told`: it stands where credentials stand.
 * - `filled_in`: somebody keeps it out of the file.
 * - `given`: it is one of many things that a program is given.
 */
export type Standing = "told" | "filled_in" | "given";

const SHORTEST_TOLD = 6;
const SHORTEST = 8;

/**
 * What is secret of a value, each part by itself; not what occurs in other texts for good reasons: words, numbers, paths,
 * addresses, names of things. `name` is that of its variable, header or option.
 */
export function secretsIn(name: string, value: string, standing: Standing): string[] {
  const parts = partsOf(value);
  if (parts.length === 0 && isNameOfThings(name)) return [];
  const isTold = standing === "told" || saysSecret(name);
  const often = isSecretName(name) ? "filled_in" : isSpokenOf(name) ? "given" : standing;
  const whole = isPlain(value, isTold ? name : undefined) ? [] : isWhole(value, isTold ? "told" : often) ? [value] : [];
  return [...new Set([...whole, ...parts])];
}

function isWhole(value: string, standing: Standing): boolean {
  if (standing === "told") return value.length >= SHORTEST_TOLD;
  if (value.length < SHORTEST || redactShapes(value) !== value) return value.length >= SHORTEST;
  // The name of an account or of a document is needed in arguments and results, and often is a UUID.
  if (holdsUuid(value)) return false;
  return standing === "filled_in" ? /\d/.test(value) || looksRandom(value) : looksRandom(value);
}

/** What ends like this names things, which are spoken of. */
const THINGS =
  /(?:^|[_.-])(?:ids?|users?|username|login|e?mail|host(?:name)?|ur[il]s?|endpoint|domain|org(?:ani[sz]ation)?|project|team|channel|database|db|schema|bucket|region|zone|path|dir(?:ectory)?|file|folder|home|version|locale|lang|model|name|expir\w*|ttl|timeout|limit|count|type|mode|enabled)$/i;
const COUNTS = /tokens$|max[_.-]?token|token[_.-]?(?:limit|count|budget|size|type)|(?:type|algorithm|method|mode)$/i;

const isNameOfThings = (name: string): boolean =>
  (THINGS.test(name.replace(/([a-z])([A-Z])/g, "$1_$2")) && !/session/i.test(name)) || COUNTS.test(name);

/** What ends like this is spoken of as well, but may have been given a key: only what looks like one counts. */
const SPOKEN_OF =
  /(?:^|[_.-])(?:branch|tag|commit|sha|rev(?:ision)?|ref|repo(?:sitory)?|owner|release|build|stage|env(?:ironment)?|profile|namespace|cluster|node|pod|worker|instance|machine|platform|arch(?:itecture)?|os|runtime|image|container|stack|service|app(?:lication)?|component|package|index|indices|collection|table|view|topic|queue|stream|bucket|prefix|suffix|warehouse|catalog|role|group|account|company|customer|tenant|workspace|space|site|title|label|subject|agent|bot|author|options?|opts|flags|args|command|filter|query|pattern|format|encoding|charset|theme|style|colou?r|currency|country|city|date|time|day|week|month|year|quarter|interval|schedule|cron|(?:region|country|language|currency|status|exit|error|zip|postal)[_.-]?code)s?$|^(?:pg|mysql)(?:user|host|database|options)$/i;
const isSpokenOf = (name: string): boolean => SPOKEN_OF.test(name.replace(/([a-z])([A-Z])/g, "$1_$2"));

/** A number is secret where it is one by its name. */
const NUMBERED = /pin|otp|code|passw|pwd|secret|cvv|key/i;
const NUMBER = /^[\d.,:_+\- ]+$/;
const PATH = /^(?:~|\.{1,2})?(?:\/[\w.@ +-]*)+$|^[A-Za-z]:[\\/]/;
const ADDRESS = /^[a-z][a-z0-9+.-]*:\/\//i;
const DIGEST = /\bsha(?:1|256|512)[:-]/i;
const MAIL = /^[\w.+-]+@[\w-]+(?:\.[\w-]+)+$/;
const HOST = /^(?:[\w-]+\.)+[a-z]{2,}(?::\d+)?(?:\/\S*)?$/i;

/** `told`: the name, where it says that the value is secret. */
function isPlain(value: string, told: string | undefined): boolean {
  if (ADDRESS.test(value) || MAIL.test(value)) return true;
  if (NUMBER.test(value)) return told === undefined || !NUMBERED.test(told);
  if (COMMON.has(value.toLowerCase())) return true;
  if (PATH.test(value) && !looksRandom(value)) return true;
  if (told !== undefined) return isSecretName(value) && /^[A-Za-z_-]+$/.test(value);
  return (HOST.test(value) && !looksRandom(value)) || DIGEST.test(value);
}

/** Words that stand where a secret should, and in many other texts. */
const COMMON: ReadonlySet<string> = new Set(
  (
    "password passwort secret changeme default postgres mysql mariadb redis mongodb admin administrator root guest public " +
    "private username user-name testing production development staging localhost anonymous example undefined enabled " +
    "disabled required optional bearer basic oauth oauth2 apikey api-key dummy placeholder nothing unknown foobar " +
    "application/json text/event-stream no-cache keep-alive identity"
  ).split(" "),
);

// What precedes a value is bounded in both: a value may be long, and each place in it could be where one begins.
const ADDRESSES = /[a-z][a-z0-9+.-]{0,31}:\/\/[^\s"'<>]+/gi;
const PAIRS =
  /(?:^|[;&?\s,])([\w.-]{1,64}(?: [\w.-]{1,32})?)\s{0,16}[=:]\s{0,16}("[^"]{0,8192}"|'[^']{0,8192}'|[^;&\s"']+)/g;

/** Credentials within a value that is made of parts. */
function partsOf(value: string): string[] {
  const scheme = /^(bearer|basic|token|apikey|digest|negotiate|bot|key|dpop)\s+(\S[\s\S]*)$/i.exec(value.trim());
  if (scheme) return [...told(scheme[2] ?? ""), ...(/^basic$/i.test(scheme[1] ?? "") ? pairOf(scheme[2] ?? "") : [])];
  if (/^\s*[[{]/.test(value)) return partsOfJson(value);
  const addresses = [...value.matchAll(ADDRESSES)].flatMap(([text]) => partsOfAddress(text));
  const pairs = [...value.matchAll(PAIRS)].flatMap(([, name = "", found = ""]) =>
    isSecretName(name) && !isNameOfThings(name) ? told(found.replace(/^["']|["']$/g, ""), name) : [],
  );
  return [...addresses, ...(ADDRESS.test(value) ? [] : pairs)];
}

const told = (text: string, name = "secret"): string[] =>
  text.length >= SHORTEST_TOLD && !isPlain(text, name) ? [text] : [];

/** User and password, as Basic has them. */
function pairOf(encoded: string): string[] {
  const pair = Buffer.from(encoded, "base64").toString("utf8");
  const colon = pair.indexOf(":");
  return colon < 0 ? [] : [pair, ...told(pair.slice(colon + 1))].filter(text => text.length >= SHORTEST_TOLD);
}

function partsOfJson(value: string): string[] {
  const walk = (name: string, inner: unknown): string[] => {
    if (typeof inner === "string") return secretsIn(name, inner, "given");
    if (typeof inner !== "object" || inner === null) return [];
    return Object.entries(inner).flatMap(([key, each]) => walk(Array.isArray(inner) ? name : key, each));
  };
  try {
    return walk("", JSON.parse(value));
  } catch {
    return [];
  }
}

/** Userinfo, parameters with such a name, and whatever in it looks like nothing but a key. */
function partsOfAddress(text: string): string[] {
  const [, prefix = "", rest = ""] = /^([^:]+:\/\/)([\s\S]*)$/.exec(text) ?? [];
  const [, userinfo] = /^([^/?#]*)@/.exec(rest) ?? /^([^/?#\s:]*:[^\s]*)@/.exec(rest) ?? [];
  const [address = "", ...queries] = rest.slice(userinfo === undefined ? 0 : userinfo.length + 1).split(/[?#&]/);
  const parameters = queries.flatMap(parameter => {
    const [name = "", found = ""] = cut(parameter, "=");
    const clear = decoded(found);
    const isSecret = isSecretName(name) || /^(?:key|sig|signature|code|k|t)$/i.test(name);
    return isSecret || (looksRandom(clear) && !isNameOfThings(name))
      ? [...told(found, name || "key"), ...told(clear, name || "key")]
      : [];
  });
  const isSource = /^git\+|^docker/i.test(prefix) || DIGEST.test(address);
  const segments = address
    .split(/[/;,]/)
    .slice(1)
    .filter(segment => !isSource && (looksRandom(segment) || holdsUuid(segment) || redactShapes(segment) !== segment));
  return [
    ...(userinfo === undefined ? [] : partsOfUserinfo(userinfo)),
    ...parameters,
    ...segments.flatMap(one => told(one)),
  ];
}

function partsOfUserinfo(userinfo: string): string[] {
  const [user = "", password] = cut(userinfo, ":");
  if (password === undefined) return looksRandom(user) || user.length >= 16 ? [user, decoded(user)] : [];
  return [
    userinfo,
    decoded(userinfo),
    ...told(password),
    ...told(decoded(password)),
    ...(looksRandom(user) ? [user] : []),
  ].filter(text => text.length >= SHORTEST_TOLD);
}

function cut(text: string, separator: string): [string, string?] {
  const at = text.indexOf(separator);
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + separator.length)];
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll("+", " "));
  } catch {
    return text;
  }
}
