/** The types that we answer with. */
export type AnswerType = "application/json" | "text/event-stream";

/**
 * Whether an `Accept` header takes a type; one that is missing takes every type.
 * https://www.rfc-editor.org/rfc/rfc9110#field.accept
 */
export function accepts(header: string | undefined, type: AnswerType): boolean {
  if (header === undefined || header.trim() === "") return true;
  if (!header.includes(";") && header.includes(type)) return true;
  let [closest, quality] = [-1, 0];
  for (const part of header.toLowerCase().split(",")) {
    const [range = "", ...parameters] = part.split(";").map(piece => piece.trim());
    const closeness = closenessOf(range, type);
    if (closeness <= closest) continue;
    const weight = parameters.find(parameter => parameter.startsWith("q="));
    [closest, quality] = [closeness, weight === undefined ? 1 : Number(weight.slice(2))];
  }
  return quality > 0;
}

/** The closest range decides: a type, its family, everything. */
function closenessOf(range: string, type: AnswerType): number {
  if (range === type) return 2;
  if (range === `${type.slice(0, type.indexOf("/"))}/*`) return 1;
  return range === "*/*" || range === "*" ? 0 : -1;
}
