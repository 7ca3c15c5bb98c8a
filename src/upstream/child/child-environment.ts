import { type Environment, type Platform, platformOf } from "../../lib/platform.ts";

export interface EnvironmentSources {
  /** The gateway's own environment. */
  readonly base: Environment;
  /** Names that the configuration lets through. */
  readonly inherit: readonly string[];
  /** What the configuration sets; wins over everything. */
  readonly env: Readonly<Record<string, string>>;
}

/**
 * The complete environment of a child. It starts from nothing, since the gateway's own environment holds the
 * credentials of every upstream.
 */
export function childEnvironment(
  { base, inherit, env }: EnvironmentSources,
  platform: Platform = platformOf(),
): Record<string, string> {
  const child: Record<string, string> = {};
  for (const name of platform.inheritedVariables) {
    const value = base[name];
    // A value that begins like this is a shell function, which shells of old run when they start.
    if (value !== undefined && !value.startsWith("()")) child[name] = value;
  }
  for (const name of inherit) {
    const value = base[name];
    if (value !== undefined) child[name] = value;
  }
  return { ...child, ...env };
}

/**
 * Names of variables that the gateway has, the child was not given, and the child's last words mention: most likely
 * what it misses.
 */
export function missedVariables(lines: readonly string[], base: Environment, given: Environment): readonly string[] {
  const words = new Set(lines.flatMap(line => line.match(/[A-Za-z_][A-Za-z0-9_]{2,}/g) ?? []));
  return [...words].filter(word => base[word] !== undefined && given[word] === undefined).slice(0, 5);
}
