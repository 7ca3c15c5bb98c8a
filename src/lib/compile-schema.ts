import { Ajv, type Options } from "ajv";
import { Ajv2019 } from "ajv/dist/2019.js";
import { Ajv2020 } from "ajv/dist/2020.js";
import addFormats from "ajv-formats";

/** What a compiler says of a schema: nothing, or why it does not take it. */
export interface Compiled {
  readonly reason: string | undefined;
  /** Ways to the few parts without which it is taken; only where they were asked for and found. */
  readonly culprits?: readonly (readonly string[])[] | undefined;
}

type Schema = Record<string, unknown>;

/** As the SDKs' clients set it up. */
const OPTIONS: Options = {
  ...{ strict: false, validateFormats: true, validateSchema: false, allErrors: true },
  logger: false,
};
const MAX_REASON = 200;

/**
 * Compiles schemas as clients do: in draft-07 whatever they say (TypeScript SDK v1), in the dialect that they name (SDK
 * v2), and against that dialect's own schema (Python SDK).
 */
export function createSchemaCompiler(): (text: string, findsCulprits: boolean) => Compiled {
  const [draft7, draft2019, draft2020] = [
    withFormats(new Ajv(OPTIONS)),
    withFormats(new Ajv2019(OPTIONS)),
    withFormats(new Ajv2020(OPTIONS)),
  ];
  /** By the end of a dialect's name; a schema that names none is of the newest. */
  const dialects = [
    ["2019-09/schema", draft2019],
    ["draft-07/schema", draft7],
    ["draft-06/schema", draft7],
  ] as const;

  function objectionTo(schema: Schema): string | undefined {
    const named = String(schema.$schema ?? "").replace(/#$/, "");
    const own = dialects.find(([name]) => named.endsWith(name))?.[1] ?? draft2020;
    try {
      draft7.compile(schema);
      if (own !== draft7) own.compile(schema);
      return own.validateSchema(schema) ? undefined : shortened(own.errorsText(own.errors, { dataVar: "it" }));
    } catch (error) {
      return shortened(error instanceof Error ? error.message : String(error));
    } finally {
      // What was compiled is known under its names from then on.
      for (const compiler of [draft7, own]) compiler.removeSchema();
    }
  }

  /** Each parameter and each keyword of the top is tried with nothing but what it may refer to. */
  function culpritsIn(schema: Schema): readonly (readonly string[])[] | undefined {
    const { $schema, $id, $defs, definitions, properties, ...others } = schema;
    const around = given({ $schema, $id, $defs, definitions });
    const fails = (more: Schema): boolean => objectionTo({ type: "object", ...around, ...more }) !== undefined;
    if (fails({})) return undefined;
    const named = Object.entries((properties ?? {}) as Schema);
    const broken = new Set(named.filter(([key, value]) => fails({ properties: { [key]: value } })).map(([key]) => key));
    const keywords = Object.entries(others).filter(([key, value]) => key !== "type" && fails({ [key]: value }));
    const rest = {
      ...schema,
      properties: Object.fromEntries(named.map(([key, value]) => [key, broken.has(key) ? {} : value])),
    };
    for (const [key] of keywords) delete (rest as Schema)[key];
    const culprits = [...[...broken].map(key => ["properties", key]), ...keywords.map(([key]) => [key])];
    return culprits.length > 0 && objectionTo(rest) === undefined ? culprits : undefined;
  }

  return (text, findsCulprits) => {
    const schema = JSON.parse(text) as Schema;
    const reason = objectionTo(schema);
    return reason === undefined || !findsCulprits ? { reason } : { reason, culprits: culpritsIn(schema) };
  };
}

function withFormats<Compiler extends Ajv>(compiler: Compiler): Compiler {
  addFormats.default(compiler);
  return compiler;
}

const shortened = (reason: string): string => reason.replaceAll(/\s+/g, " ").slice(0, MAX_REASON);
const given = (members: Schema): Schema =>
  Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined));
