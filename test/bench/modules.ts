/** A module of bench/, which has no types of its own. */
export const bench = async <Module>(name: string): Promise<Module> =>
  (await import(new URL(`../../bench/${name}`, import.meta.url).href)) as Module;

export interface Figure {
  readonly title: string;
  readonly value: number | null;
  readonly reached: boolean | null;
}

export interface Case {
  readonly key: string;
  readonly floor?: boolean;
  readonly processes: Readonly<Record<string, unknown>>;
  readonly lines: readonly { readonly name: string; readonly process: string; readonly path: string }[];
  readonly figures: readonly {
    readonly kind: string;
    readonly of: string;
    readonly to?: string;
    readonly against?: readonly string[] | string;
  }[];
}
