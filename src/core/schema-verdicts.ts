/** The member of a tool that a schema is. */
export type SchemaRole = "inputSchema" | "outputSchema";

/** What the compilers that clients use say of a schema. */
export type Verdict =
  | { readonly kind: "compiles" }
  | {
      readonly kind: "refused";
      readonly reason: string;
      /** Ways to the parts without which it compiles, one key or two; `undefined` where no few parts are to blame. */
      readonly culprits: readonly (readonly string[])[] | undefined;
    }
  /** Nobody has asked them yet. */
  | { readonly kind: "unknown" };

/** Answers at once, from what was found out before. `text` is the JSON text of the schema. */
export type SchemaVerdicts = (role: SchemaRole, text: string) => Verdict;

/** For whoever has no compilers: what cannot be judged without them is left out. */
export const NO_COMPILERS: SchemaVerdicts = () => ({ kind: "unknown" });

/** What a compiler said: nothing, or why it does not take a schema. */
export function verdictOf(said: {
  readonly reason: string | undefined;
  readonly culprits?: readonly (readonly string[])[] | undefined;
}): Verdict {
  const { reason, culprits } = said;
  return reason === undefined ? { kind: "compiles" } : { kind: "refused", reason, culprits };
}
