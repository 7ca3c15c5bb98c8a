import { createHash } from "node:crypto";
import { linksTo } from "../../config/owners.ts";
import { upstreamsOf } from "../../config/values.ts";
import { canonicalJson } from "../../core/canonical-json.ts";
import { type Origin, originOf } from "../../lib/checkouts.ts";
import { folderOf, type Remembered, trustStore } from "../../lib/trust-store.ts";
import { fail } from "../errors.ts";
import { printable } from "../terminal/printable.ts";
import { type Common, type Context, type Loaded, readConfig } from "./command.ts";

/** Trusts a configuration where there is no person to ask. */
const TRUST_VARIABLE = "RADIUM_TRUST";

/** A configuration file as it was read. `written`: the contents of `[mcp.proxy]` before variables were filled in. */
export interface Candidate {
  readonly path: string;
  readonly written: unknown;
}

/** Whether a configuration may start what it names. */
export interface Standing {
  readonly origin: Origin;
  readonly isTrusted: boolean;
  /** Whether that is so because of the file, and not only of where this runs. */
  readonly isKnown: boolean;
  /** Whether it was made or used here before, in whatever form. */
  readonly wasHere: boolean;
  /** Remembers that it may, by content. Throws where nothing can be kept. */
  trust(): void;
}

export function trustIn({ path, written }: Candidate, { env }: Pick<Context, "env">): Standing {
  const origin = originOf(path, linksTo(path));
  const store = trustStore(env);
  const digest = createHash("sha256")
    .update(canonicalJson(written ?? null))
    .digest("hex");
  const known = store.of(path);
  const entry = origin.kind === "checkout" ? (origin.entry ?? null) : null;
  const isKnown = isTrusted({ origin, known, digest, entry });
  return {
    ...{ origin, isKnown, wasHere: known.made !== null || known.contents.length > 0 },
    isTrusted: isKnown || env[TRUST_VARIABLE] === "1" || startsNothing(written),
    trust() {
      const contents = [...known.contents.filter(one => one !== digest), digest];
      const now: Remembered = { ...known, contents, entry };
      if (JSON.stringify(now) !== JSON.stringify(known)) store.keep(now);
    },
  };
}

const startsNothing = (written: unknown): boolean => upstreamsOf(written).length === 0;

/**
 * A file that `init` made here is its user's, and so are his changes; but not what comes with a commit after he has used
 * it: then the repository has another content than it had.
 */
function isTrusted(facts: { origin: Origin; known: Remembered; digest: string; entry: string | null }): boolean {
  const { origin, known, digest, entry } = facts;
  if (origin.kind === "own" || known.contents.includes(digest)) return true;
  const isMade = known.made !== null && known.made === folderOf(known.path);
  return isMade && (known.contents.length === 0 || known.entry === entry);
}

/**
 * Reads the configuration for a command that starts what it names; ends the command where it is bad or not trusted.
 * Nothing but this and `requireTrust` may stand between a file and a new gateway.
 */
export async function readTrusted(configPath: string, options: Common, context: Context): Promise<Loaded> {
  const loaded = await readConfig(configPath, options, context);
  await requireTrust({ path: configPath, written: loaded.written }, context);
  return loaded;
}

/** Lets a command go on that starts what the configuration names: asks the person, or ends the command. */
export async function requireTrust(candidate: Candidate, context: Context): Promise<void> {
  const standing = trustIn(candidate, context);
  const { origin } = standing;
  if (standing.isTrusted) {
    if (standing.isKnown && (origin.kind === "checkout" || origin.near)) remember(standing, context);
    return;
  }
  const { terminal, confirm } = context;
  // It knows the whole schema, which commands that ask nothing need not read.
  const { launchLines, summary } = await import("../terminal/launches.ts");
  const path = printable(candidate.path);
  const news = standing.wasHere ? "has changed since it was used here" : "was not used here before";
  terminal.err(
    [
      terminal.paint.err("strong", `This configuration came with a repository and ${news}:`),
      `  ${path}, ${printable(origin.kind === "checkout" ? origin.how : "")}`,
      "",
      ...launchLines(candidate.written, terminal.paint.err),
      "",
    ].join("\n"),
  );
  if (confirm && (await confirm("Trust it, and go on? [y/N] "))) return remember(standing, context, "aloud");
  fail("notTrusted", "The configuration came with a repository and is not trusted yet", {
    where: `${candidate.path}: ${summary(candidate.written)}`,
    help: [
      `If you want all of that: \`rad mcp proxy trust --config ${candidate.path}\`. A changed file asks again.`,
      `Where there is no person to ask, and it may do anything: ${TRUST_VARIABLE}=1.`,
    ],
  });
}

/** Not being able to remember costs a question the next time, no more. */
function remember(standing: Standing, { terminal }: Context, how?: "aloud"): void {
  try {
    standing.trust();
  } catch (error) {
    if (how === "aloud") terminal.err(`It cannot be remembered: ${printable((error as Error).message)}`);
  }
}

/** `init` made this file here. */
export function rememberMade(path: string, { env }: Pick<Context, "env">): void {
  try {
    trustStore(env).keep({ path, made: folderOf(path) ?? null, contents: [], entry: null });
  } catch {
    // It is asked about if it is committed, no more.
  }
}
