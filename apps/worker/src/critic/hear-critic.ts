import type { CriticAnswer, CriticOpinion } from "@slipway/protocol/critic";
import { type ErrorCode, SlipwayError } from "@slipway/protocol/errors";
import type { Failure } from "@slipway/protocol/failure";
import type { AttemptContext } from "../attempt/context.ts";
import { pause } from "../daemon/pause.ts";
import { newestModelFailure } from "../job/model-failure.ts";
import { againText } from "./question.ts";
import { readAnswer } from "./read-answer.ts";
import type { Weighed } from "./weigh-answer.ts";

/** Somebody who can be asked. */
export interface Asker extends AsyncDisposable {
  /** Its last words. Throws why it did not answer, or the signal's reason. */
  ask(prompt: string, signal: AbortSignal): Promise<string>;
}

/** What a critic was asked and said, and what came of it. */
export interface Heard {
  /** Undefined where there is no verdict. */
  readonly opinion: CriticOpinion | undefined;
  /** Why there is none: CRITIC_REJECTED where no answer could be used, CRITIC_UNAVAILABLE where none came. */
  readonly failure?: Failure;
  /** As they came. */
  readonly answers: readonly string[];
}

export interface Hearing {
  readonly open: () => Promise<Asker>;
  /** Whether the gateway knows why it did not answer. */
  readonly usesModel: boolean;
  /** Whether it may be asked again after a failure: nothing of it is left then. */
  readonly mayAskAgain: boolean;
  /** For people, such as `The critic careful (model openai/gpt-5)`. */
  readonly title: string;
  readonly question: string;
  readonly weigh: (answer: CriticAnswer) => Promise<Weighed>;
  /** For all of it, in ms. */
  readonly limitMs: number;
  /** An advisory critic never ends the attempt. */
  readonly isRequired: boolean;
}

/** What may be otherwise in a moment. */
const TRANSIENT: ReadonlySet<ErrorCode> = new Set(["BACKEND_RATE_LIMITED", "MODEL_OVERLOADED", "MODEL_UNREACHABLE", "MODEL_TIMEOUT", "GATEWAY_UNAVAILABLE"]);
/** Without a word of the vendor: the first wait, each further one twice as long, in ms. */
const FIRST_WAIT_MS = 1_000;
const WAITS_MAX = 8;

/** The attempt's own failures, which say more under their own code. */
const OF_THE_ATTEMPT: ReadonlySet<ErrorCode> = new Set([
  ...(["BUDGET_EXCEEDED", "DAY_BUDGET_EXCEEDED", "CASSETTE_MISMATCH"] as const),
  ...(["DISK_FULL", "SANDBOX_UNAVAILABLE", "ENGINE_UNAVAILABLE", "WORKSPACE_FAILED"] as const),
]);

/**
 * Asks, and once more where the answer cannot be used. What cannot be used then is no verdict, and so is no answer in time: never an approval. Throws what ends
 * the attempt whoever is asked, and the signal's reason.
 */
export async function hearCritic(context: AttemptContext, hearing: Hearing): Promise<Heard> {
  const answers: string[] = [];
  const limit = AbortSignal.timeout(Math.max(1, hearing.limitMs));
  let problems: readonly string[] = [];
  try {
    await using asker = await hearing.open();
    for (let prompt = hearing.question; answers.length < 2; ) {
      const said = await askPatiently(context, asker, hearing, prompt, limit);
      answers.push(said);
      const read = readAnswer(said);
      const { opinion, problems: found } = "problems" in read ? { opinion: undefined, problems: read.problems } : await hearing.weigh(read.answer);
      // What is left to mend after the second time stands as it was weighed.
      if (opinion && (found.length === 0 || answers.length === 2)) return { opinion, answers };
      problems = found;
      prompt = againText(hearing.question, said, problems);
    }
  } catch (error) {
    context.signal.throwIfAborted();
    return { opinion: undefined, failure: await unavailable(context, hearing, error, limit.aborted), answers };
  }
  const message = `${hearing.title} gave no verdict: its answer could not be used twice. ${problems[0] ?? ""}`;
  return { opinion: undefined, failure: { code: "CRITIC_REJECTED", message, details: { problems: problems.slice(0, 10), noVerdict: true } }, answers };
}

/** Waits where that may help, as long as there is time; each wait is told. */
async function askPatiently(context: AttemptContext, asker: Asker, hearing: Hearing, prompt: string, limit: AbortSignal): Promise<string> {
  const startedAt = performance.now();
  const signal = AbortSignal.any([context.signal, limit]);
  for (let waits = 0; ; waits += 1) {
    try {
      return await asker.ask(prompt, signal);
    } catch (error) {
      signal.throwIfAborted();
      const failure = await causeOf(context, hearing, error);
      const waitMs = retryAfterMs(failure) ?? FIRST_WAIT_MS * 2 ** waits;
      const hasTime = performance.now() - startedAt + waitMs < hearing.limitMs;
      if (!hearing.mayAskAgain || !TRANSIENT.has(failure.code) || !hasTime || waits >= WAITS_MAX) throw asError(failure);
      const text = `${hearing.title} is asked again in ${Math.ceil(waitMs / 1_000)} s: ${failure.code}: ${failure.message}`.slice(0, 4_000);
      await context.events.emit({ kind: "notice", data: { level: "info", text: context.masks.text(text) } });
      await pause(waitMs, signal);
    }
  }
}

/** What the gateway told the server of the newest call says more than what a client makes of it. */
async function causeOf(context: AttemptContext, { usesModel }: Hearing, error: unknown): Promise<Failure> {
  const own = failureOf(error);
  return usesModel && !OF_THE_ATTEMPT.has(own.code) ? await newestModelFailure(context, own) : own;
}

async function unavailable(context: AttemptContext, hearing: Hearing, error: unknown, isLate: boolean): Promise<Failure> {
  const { title, limitMs, isRequired } = hearing;
  const cause: Failure = isLate
    ? { code: "MODEL_TIMEOUT", message: `There was no answer within ${Math.round(limitMs / 1_000)} s.`, details: { limitMs } }
    : context.masks.failure(error instanceof SlipwayError ? failureOf(error) : await causeOf(context, hearing, error));
  if (isRequired && OF_THE_ATTEMPT.has(cause.code)) throw asError(cause);
  const message = `${title} did not answer: ${cause.code}: ${cause.message}`.slice(0, 19_000);
  const hint = isLate
    ? "The change is kept. Give the critic more time (`critic.timeoutSeconds` in .slipway.yaml) or less to read (`critic.maxDiffBytes`), then submit again; or `slipway retry`."
    : undefined;
  return {
    code: "CRITIC_UNAVAILABLE",
    message,
    details: { cause: { code: cause.code, message: cause.message, details: cause.details }, ...(hint ? { hint } : {}) },
  };
}

/** By the status of an answer where there was one: what is thrown by a client of models has it. */
function failureOf(error: unknown): Failure {
  if (error instanceof SlipwayError) return { code: error.code, message: error.message, details: { ...error.details } };
  const { statusCode, responseHeaders, message = String(error) } = error as { statusCode?: number; responseHeaders?: Record<string, string>; message?: string };
  const seconds = Number(responseHeaders?.["retry-after"]);
  const details = { ...(statusCode === undefined ? {} : { status: statusCode }), ...(Number.isFinite(seconds) ? { retryAfterMs: seconds * 1_000 } : {}) };
  return { code: codeOf(statusCode), message: message.slice(0, 4_000), details };
}

function codeOf(status: number | undefined): ErrorCode {
  if (status === undefined) return "GATEWAY_UNAVAILABLE";
  if (status === 200) return "MODEL_REFUSED";
  if (status === 401 || status === 403) return "BACKEND_AUTH";
  if (status === 429) return "BACKEND_RATE_LIMITED";
  if (status === 503 || status === 529) return "MODEL_OVERLOADED";
  return status >= 500 ? "MODEL_UNREACHABLE" : "MODEL_REFUSED";
}

function retryAfterMs({ details }: Failure): number | undefined {
  const value = details["retryAfterMs"];
  return typeof value === "number" ? value : undefined;
}

function asError({ code, message, details }: Failure): SlipwayError {
  return new SlipwayError(code, message, details);
}
