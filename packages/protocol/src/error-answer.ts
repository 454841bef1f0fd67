import { errorBodySchema } from "./endpoint.ts";
import { isErrorCode, SlipwayError } from "./errors.ts";

/** The error in an answer that is not 2xx; SERVER_UNAVAILABLE with the status where it is none of Slipway's. */
export function errorOfAnswer(status: number, text: string): SlipwayError {
  try {
    const { error } = errorBodySchema.parse(JSON.parse(text));
    if (isErrorCode(error.code)) return new SlipwayError(error.code, error.message, { hint: error.hint, ...error.details });
  } catch {
    // Not one of our answers: a proxy's page, or a server of another kind. The status and the text say more than a parse error.
  }
  return new SlipwayError("SERVER_UNAVAILABLE", `The server answered ${status} with something that is not Slipway's: ${text.slice(0, 200)}`, { status });
}
