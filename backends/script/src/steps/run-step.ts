import { append, patch, readPrompt, remove, write } from "./file-steps.ts";
import { images } from "./image-step.ts";
import { waitForMessage } from "./message-step.ts";
import { daemon, shell } from "./process-steps.ts";
import type { StepContext, StepSummary } from "./step-context.ts";
import type { Step, StepInput, StepName } from "./step-schemas.ts";
import { fail, flood, log, plan, print, silent, usage } from "./talk-steps.ts";
import { hang, signalFile, sleep, waitFor } from "./wait-steps.ts";

type Verb<N extends StepName> = (input: StepInput<N>, context: StepContext) => Promise<StepSummary>;

const VERBS: { readonly [N in StepName]: Verb<N> } = {
  write,
  append,
  delete: remove,
  patch,
  readPrompt,
  shell,
  daemon,
  sleep,
  hang,
  silent,
  print,
  log,
  images,
  plan,
  usage,
  flood,
  waitFor,
  waitForMessage,
  signalFile,
  fail,
};

/** Runs one step. Throws SlipwayError where it fails, the signal's reason where the turn was aborted. */
export async function runStep(step: Step, context: StepContext): Promise<StepSummary> {
  // The table's type ties each verb to its own input; that link is lost when the name is a variable.
  const verb = VERBS[step.name] as Verb<StepName>;
  return await verb(step.input as StepInput<StepName>, context);
}
