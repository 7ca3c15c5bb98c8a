import { changesTable } from "../differential/changes.ts";
import { impossibleTable } from "./answers.ts";
import type { Difference, Proof } from "./difference.ts";
import { DIFFERENCES } from "./differences.ts";
import { AGENTS, UPSTREAMS } from "./kinds.ts";

/** Scenario by scenario, what the official suite finds worse than without the gateway, and why. */
export type SuiteFailures = Readonly<Record<string, Readonly<Record<string, Readonly<Record<string, string>>>>>>;

/** `docs/eras.md`, made of what the tests use. */
export const erasPage = (suite: SuiteFailures): string =>
  `${[
    "# Eras",
    INTRODUCTION,
    "## What meets what",
    "Each of these agents",
    AGENTS.map(({ name }) => `- ${name}`).join("\n"),
    "uses each of these upstreams",
    UPSTREAMS.map(
      ({ transport, revision, shared }) =>
        `- ${revision} over \`${transport}\`${shared ? ", one child for all agents" : ""}`,
    ).join("\n"),
    MATRIX,
    ...Object.entries(DIFFERENCES).flatMap(([title, rows]) => [`## ${title}`, table(rows)]),
    "## What is impossible, and what is answered",
    impossibleTable(),
    "## What is changed in a message",
    "Arguments, results, unknown members, numbers and their spelling, the order of keys: everything arrives as it was sent, but\nfor the id of the message, the name of a tool or prompt that has a prefix, and",
    changesTable(),
    "## What the official suite says",
    suiteText(suite),
  ].join("\n\n")}\n`;

const INTRODUCTION = `<!-- Written by scripts/generate.mjs from test/eras and test/differential: change it there. -->

An agent of any revision works with a server of any revision. This page says what differs, and nothing else does: each
line names a test that shows it.

Revisions come in two eras. *Legacy* ones (2024-11-05, 2025-03-26, 2025-06-18, 2025-11-25) open with a handshake and keep a
session in which either side may ask. *Modern* ones (2026-07-28) carry everything on each request, and a server that wants
to know something answers with the question.`;

const MATRIX = `all of them behind one gateway, with lists, calls, progress, cancellation, log levels, resources, prompts, completion,
errors, questions (forms, URLs, sampling, roots; several rounds, several at once), changed lists and watched resources
([eras](../test/eras.test.ts)).`;

const row = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;

const table = (rows: readonly Difference[]): string =>
  [
    row([
      "",
      "a legacy agent has",
      "a modern agent has",
      "a legacy upstream gets",
      "a modern upstream gets",
      "shown by",
    ]),
    "|---|---|---|---|---|---|",
    ...rows.map(({ what, legacyAgent, modernAgent, legacyUpstream, modernUpstream, shownBy }) =>
      row([what, legacyAgent, modernAgent, legacyUpstream, modernUpstream, proofs(shownBy)]),
    ),
  ].join("\n");

/** Each file once, under its name. */
const proofs = (shownBy: readonly Proof[]): string =>
  [...new Set(shownBy.map(([file]) => file))]
    .map(file => `[${file.replace(/^.*\/|(?:\.test)?\.ts$/g, "")}](../${file})`)
    .join(", ");

function suiteText(suite: SuiteFailures): string {
  const failures = Object.entries(suite).flatMap(([role, groups]) =>
    Object.values(groups).flatMap(scenarios => Object.entries(scenarios).map(([name, why]) => row([role, name, why]))),
  );
  const claim = "Through `/mcp/<upstream>` and through `/mcp` nothing is worse than without the gateway";
  if (failures.length === 0) return `${claim}.`;
  return [`${claim}, but for\n`, "| role | scenario | why |", "|---|---|---|", ...new Set(failures)].join("\n");
}
