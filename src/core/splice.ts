import { isObject } from "./definition-shapes.ts";
import type { Payload } from "./payload.ts";

type Values = Readonly<Record<string, unknown>>;

/**
 * `text` parses to `before`, and comes back as one that parses to `after`. Members whose value is the very same keep their
 * text, on every level of objects.
 */
export function spliced(text: Payload, before: Values, after: Values): Payload {
  // Without a prototype, so that a key of any name is just a key.
  const changes: Record<string, Buffer | string | undefined> = Object.create(null);
  for (const key of new Set([...Object.keys(before), ...Object.keys(after)])) {
    const [was, is] = [Object.hasOwn(before, key) ? before[key] : undefined, after[key]];
    if (Object.hasOwn(before, key) && Object.hasOwn(after, key) && was === is) continue;
    if (!Object.hasOwn(after, key)) changes[key] = undefined;
    else {
      const inner = isObject(was) && isObject(is) ? text.object(key) : undefined;
      changes[key] = inner ? spliced(inner, was as Values, is as Values).bytes : JSON.stringify(is);
    }
  }
  return text.with(changes);
}
