import type { AttemptFailure, Fault } from "../../core/failure.ts";
import type { UpstreamEra } from "../../wire/era.ts";
import { isConclusive, type Plan, type Verdicts } from "./negotiate.ts";
import type { Speaks } from "./speaks.ts";

type EraName = UpstreamEra["name"];
type AnyVerdict = Verdicts[EraName];

/** One channel of an opening: an upstream that ends, or has been spoken to wrongly, gets another one. */
export interface Step {
  readonly plan: Plan;
  /** Whether it is known to understand what it is asked first. */
  readonly isKnown: boolean;
}

/** What became of a step. */
type Failed = AttemptFailure & { readonly verdicts: Verdicts; readonly died: boolean };

/** What to do about an era: asking for it, going on after that has failed, and learning when it was agreed on. */
interface Course {
  first(speaks: Speaks): Step;
  /** `all`: what came of the questions of each step so far. */
  next(failed: Failed, all: readonly Verdicts[]): Step | undefined;
  /** What it tells of the other era that this one was agreed on. */
  found(steps: readonly Step[], all: readonly Verdicts[]): Partial<Speaks>;
}

const ALONE = {
  legacy: { plan: { first: "legacy", other: "never" }, isKnown: true },
  modern: { plan: { first: "modern", other: "never" }, isKnown: true },
} as const satisfies Record<EraName, Step>;

const COURSES: Readonly<Record<EraName, Course>> = {
  modern: {
    first: ({ modern }) => ({ plan: { first: "modern", other: "after_anything" }, isKnown: modern === true }),
    // Some end on the first request that they do not know, or want no other first: they get the one that they do alone.
    next: ({ verdicts, died }) => (died || saysNo(verdicts.legacy) ? ALONE.legacy : undefined),
    found: (steps, all) =>
      all.some(({ legacy }, at) => steps[at]?.plan.first === ALONE.legacy.plan.first && saysNo(legacy))
        ? { legacy: false }
        : {},
  },
  legacy: {
    // It may be silent about a handshake that it does not know.
    first: ({ legacy, modern }) =>
      modern ? { plan: { first: "legacy", other: "after_silence" }, isKnown: legacy === true } : ALONE.legacy,
    next({ verdicts, died }, all) {
      const mayHelp = died ? all.length === 1 : saysNo(verdicts.legacy) || isPassing(verdicts.legacy);
      // Only who has not said what it thinks of the other question is asked it once more.
      return mayHelp && all.every(({ modern }) => !modern || isUndecided(modern)) ? ALONE.modern : undefined;
    },
    found(_steps, all) {
      const wasAsked = all.some(({ modern }) => modern !== undefined);
      return wasAsked && !isPassing(all.at(-1)?.modern) ? { modern: false } : {};
    },
  },
};

/** What is begun with where nothing speaks for another: the newest. */
const NEWEST_FIRST = Object.keys(COURSES) as readonly EraName[];

/** Where to begin: in the wanted era unless it is known to be lacking, else in the newest that is not. */
export function firstStep(
  speaks: Speaks,
  { wanted, pinned }: { readonly wanted: EraName | undefined; readonly pinned: boolean },
): Step {
  const usable = NEWEST_FIRST.filter(era => speaks[era] !== false);
  const era = usable.find(one => one === wanted) ?? usable[0] ?? "modern";
  return pinned ? ALONE[era] : COURSES[era].first(speaks);
}

/** What to try after the last of these steps has failed; `undefined` where nothing is left that could help. */
export function nextStep(steps: readonly Step[], all: readonly Verdicts[], failed: Failed): Step | undefined {
  const last = steps.at(-1);
  if (!last || last === ALONE.modern || (!failed.died && isConclusive(failed))) return undefined;
  return COURSES[last.plan.first].next(failed, all);
}

/** What an opening has shown: its steps, what came of the questions of each, and the era that was agreed on. */
export function foundBy(steps: readonly Step[], all: readonly Verdicts[], agreed: EraName): Partial<Speaks> {
  const last = all.at(-1)?.[agreed];
  return { ...COURSES[agreed].found(steps, all), ...(last?.kind === "agreed" && last.found) };
}

/** Statuses that may be of this moment, or of what stands between us and an upstream. */
const PASSING: ReadonlySet<number | undefined> = new Set([500, 502, 503, 504]);
/** Faults with which a question has failed and that tell nothing of who was asked. */
const UNHEARD: ReadonlySet<Fault> = new Set(["timeout", "connection_lost", "auth_required"]);

/** Whether a question failed in a way that need not last. */
const isPassing = (verdict: AnyVerdict): boolean =>
  verdict?.kind === "failed" && (PASSING.has(verdict.status) || verdict.fault === "connection_lost");

const saysNo = (verdict: AnyVerdict): boolean =>
  verdict?.kind === "refused" ||
  (verdict?.kind === "failed" && !isConclusive(verdict) && !UNHEARD.has(verdict.fault) && !PASSING.has(verdict.status));

const isUndecided = (verdict: AnyVerdict): boolean =>
  verdict?.kind === "silent" || (verdict?.kind === "failed" && verdict.fault !== "rejected");
