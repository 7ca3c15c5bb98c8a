import { headerAnnotations } from "../core/annotations.ts";
import type { Call, Layer } from "../core/call.ts";
import type { Entry } from "../core/catalog.ts";
import { shownKey } from "../core/doubts.ts";
import { CLOSELY_FOLDED, foldedCase, foldedKey } from "../core/key-twins.ts";
import type { Payload } from "../core/payload.ts";

/**
 * Refuses arguments of which two servers could read different ones. The keys of arguments are data, and differ in case
 * where a tool wants them to; but where a key stands beside a declared parameter that some servers take it for, nobody
 * can say which of the two counts, and for a parameter that is repeated beside the arguments also where it stands alone.
 */
export const unambiguousArguments: Layer = next =>
  function unambiguous(call, done) {
    const entry = call.subject?.kind === "found" ? call.subject.entry : undefined;
    const message = entry && NAMING.has(entry.kind) ? doubtIn(entry, call) : undefined;
    if (message === undefined) next(call, done);
    else done({ kind: "failed", failure: { kind: "ambiguous", message } });
  };

/** What declares the names of its arguments. */
const NAMING: ReadonlySet<Entry["kind"]> = new Set(["tool", "prompt"]);

interface Declared {
  readonly names: ReadonlySet<string>;
  /** Folded name → one of those that fold so. */
  readonly folded: ReadonlyMap<string, string>;
  /** The parameters that are repeated beside the arguments, each as the steps that lead to it. */
  readonly repeated: readonly (readonly Step[])[];
}

interface Step {
  readonly name: string;
  /** All that is declared in the same object. */
  readonly siblings: ReadonlySet<string>;
}

/** Definitions live as long as a catalog snapshot; what they declare is worked out once. */
const DECLARED = new WeakMap<Payload, Declared>();

function declaredBy({ kind, definition }: Entry): Declared {
  let declared = DECLARED.get(definition);
  if (!declared) {
    const schema = kind === "tool" ? definition.object("inputSchema") : undefined;
    const annotations = schema && headerAnnotations(schema);
    const named = (): string[] => (definition.list("arguments") ?? []).flatMap(one => one.string("name") ?? []);
    const names = kind === "tool" ? [...(schema?.object("properties")?.keys() ?? [])] : named();
    declared = {
      names: new Set(names),
      folded: new Map(names.map(name => [foldedKey(name), name])),
      repeated: annotations?.ok ? annotations.headers.map(({ path }) => stepsOf(schema, path)) : [],
    };
    DECLARED.set(definition, declared);
  }
  return declared;
}

function stepsOf(schema: Payload | undefined, path: readonly string[]): Step[] {
  let inner = schema;
  return path.map(name => {
    const properties = inner?.object("properties");
    inner = properties?.object(name);
    return { name, siblings: new Set(properties?.keys()) };
  });
}

function doubtIn(entry: Entry, { params }: Call): string | undefined {
  const declared = declaredBy(entry);
  const keys = params.keysOf("arguments");
  const others = keys.filter(key => !declared.names.has(key));
  return (
    (others.length === 0 ? undefined : pairIn(declared, keys, others)) ??
    (declared.repeated.length === 0 ? undefined : loneIn(declared, params))
  );
}

/** A key beside the declared one, or beside another, that is taken for the same. */
function pairIn({ folded, names }: Declared, keys: readonly string[], others: readonly string[]): string | undefined {
  const foldOf = others.length > CLOSELY_FOLDED ? foldedCase : foldedKey;
  const given = new Map(keys.filter(key => names.has(key)).map(key => [foldedKey(key), key]));
  for (const key of others) {
    const fold = foldOf(key);
    const name = folded.get(fold);
    const other = given.get(fold);
    if (name === undefined) continue;
    if (other !== undefined) {
      return `params.arguments: the keys ${shownKey(other)} and ${shownKey(key)} are the same parameter to some servers and not to others; send one of them`;
    }
    given.set(fold, key);
  }
  return undefined;
}

/** Whoever reads only what is repeated would judge a call by another value than the one that counts. */
function loneIn({ repeated }: Declared, params: Payload): string | undefined {
  for (const steps of repeated) {
    let object = params.object("arguments");
    for (const { name, siblings } of steps) {
      const fold = foldedKey(name);
      const twin = [...(object?.keys() ?? [])].find(key => !siblings.has(key) && foldedKey(key) === fold);
      if (twin !== undefined) {
        return `params.arguments: the key ${shownKey(twin)} is taken for ${shownKey(name)}, which is repeated in a header, by some servers and not by others; write it as it is declared`;
      }
      object = object?.object(name);
    }
  }
  return undefined;
}
