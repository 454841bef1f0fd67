import type { ErrorMeaning } from "./protocol.ts";
import type { ScriptedError } from "./scenario.ts";

type Words = readonly [status: string, message: string];

/** What Google says with each status (https://ai.google.dev/gemini-api/docs/troubleshooting) where the scenario does not say otherwise. */
const WORDS: Readonly<Record<number, Words>> = {
  400: ["INVALID_ARGUMENT", "The request is not valid (scripted)."],
  401: ["UNAUTHENTICATED", "Request had invalid authentication credentials."],
  402: ["FAILED_PRECONDITION", "Enable billing on your project."],
  403: ["PERMISSION_DENIED", "Your API key doesn't have the required permissions."],
  404: ["NOT_FOUND", "models/the-model is not found for API version v1beta."],
  429: ["RESOURCE_EXHAUSTED", "Resource has been exhausted (e.g. check quota)."],
  500: ["INTERNAL", "An internal error has occurred."],
  503: ["UNAVAILABLE", "The model is overloaded. Please try again later."],
  504: ["DEADLINE_EXCEEDED", "The service was unable to finish within the deadline."],
};

const PER_DAY = "GenerateRequestsPerDayPerProjectPerModel-FreeTier";

export const GEMINI_MEANINGS: Readonly<Record<ErrorMeaning, Omit<ScriptedError, "inStream">>> = {
  context: { status: 400, message: "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576)." },
  quota: { status: 429, code: PER_DAY, message: "You exceeded your current quota, please check your plan and billing details." },
};

/** `{ error }` as Google sends it (https://cloud.google.com/apis/design/errors); a scenario's `code` is the quota that was used up, or the reason. */
export function geminiError({ status: code, ...said }: ScriptedError): { error: { code: number; message: string; status: string; details: object[] } } {
  const [status, message] = WORDS[code] ?? ["INTERNAL", `Scripted error ${code}.`];
  const google = "type.googleapis.com/google.rpc.";
  const details: object[] = [];
  if (said.code !== undefined && code === 429) details.push({ "@type": `${google}QuotaFailure`, violations: [{ quotaId: said.code }] });
  else if (said.code !== undefined) details.push({ "@type": `${google}ErrorInfo`, reason: said.code, domain: "googleapis.com" });
  if (said.retryAfterSeconds !== undefined) details.push({ "@type": `${google}RetryInfo`, retryDelay: `${said.retryAfterSeconds}s` });
  return { error: { code, message: said.message ?? message, status: said.type ?? status, details } };
}
