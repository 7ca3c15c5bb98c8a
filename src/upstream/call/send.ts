import { inOrder } from "../../core/pass.ts";
import { brokenAttempt } from "../../core/route.ts";
import type { Parking } from "../conversation/suspended-calls.ts";
import type { Admission } from "./admission.ts";
import { createSendCall, type SendCallOptions } from "./send-call.ts";
import { goingOn, inTurn, onTrial, type Send, underWay } from "./steps.ts";
import type { Traffic } from "./traffic.ts";
import { createVerdicts, type VerdictsOptions } from "./verdicts.ts";

export interface SendOptions extends Omit<SendCallOptions, "verdicts">, VerdictsOptions {
  readonly traffic: Traffic;
  readonly admission: Admission;
  readonly parking: Parking;
}

/** One attempt passes these from top to bottom on its way to its upstream; what came of it comes back from bottom to top. */
export function createSend(options: SendOptions): Send {
  const { traffic, admission, health, parking, clock } = options;
  const verdicts = createVerdicts(options);
  return inOrder(
    [
      // First, so that whoever waits for its turn is under way too.
      underWay(traffic),
      // Before anything is done for a call that has to wait.
      inTurn({ admission, clock }),
      // Around all that the upstream has a part in.
      onTrial(health),
      // Before a link is looked for: answers go back to where the questions came from.
      goingOn({ parking, verdicts }),
    ],
    // On the link that serves the agent.
    createSendCall({ ...options, verdicts }),
    brokenAttempt,
  );
}
