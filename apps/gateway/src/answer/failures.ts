import { ERRORS, type ErrorCode } from "@slipway/protocol/errors";
import type { Failure } from "@slipway/protocol/job";
import type { VendorError } from "./usage.ts";

/** Whom a call goes to, for the words of its failures. */
export interface CallNames {
  readonly provider: string;
  readonly model: string;
  readonly baseUrl: string;
  /** Where the key is from, for a vendor that refuses it. */
  readonly key: { readonly name: string; readonly from: string } | null;
}

/** Puts asterisks in the place of a key. */
export type Mask = (text: string) => string;

export function maskOf(key: string | null): Mask {
  return (text) => (key === null ? text : text.replaceAll(key, "***"));
}

/** What the vendor's own error means for the job. */
export function vendorFailure(code: ErrorCode, names: CallNames, status: number, error: VendorError | null, mask: Mask, requestId?: string): Failure {
  const said = mask(error?.message ?? "").slice(0, 1_000);
  const key = code === "BACKEND_AUTH" && names.key ? { key: names.key.name, keyFrom: names.key.from } : {};
  const hint = "key" in key ? { hint: `Check the key ${key.key} (from ${key.keyFrom}), then \`slipway retry\`.` } : {};
  return {
    code,
    message: `${ERRORS[code].message} ${names.provider} answered ${status}${said === "" ? "." : `: ${said}`}`,
    details: {
      provider: names.provider,
      model: names.model,
      status,
      ...(error?.code ? { vendorCode: mask(error.code) } : {}),
      ...(error?.type ? { vendorType: mask(error.type) } : {}),
      ...(requestId ? { requestId: mask(requestId) } : {}),
      ...key,
      ...hint,
    },
  };
}

/** What a lost or silent connection to the vendor means. */
export function connectionFailure(error: Error, names: CallNames, mask: Mask): Failure {
  const cause = String((error as { code?: unknown }).code ?? error.name);
  const details = { provider: names.provider, model: names.model, baseUrl: names.baseUrl, cause };
  const timeouts: Readonly<Record<string, string>> = {
    UND_ERR_HEADERS_TIMEOUT: "did not begin to answer within `headersTimeoutSeconds`",
    UND_ERR_BODY_TIMEOUT: "fell silent inside its answer for `silenceTimeoutSeconds`",
  };
  const late = timeouts[cause];
  if (late) return { code: "MODEL_TIMEOUT", message: `${names.provider} (${names.baseUrl}) ${late}.`, details };
  return { code: "MODEL_UNREACHABLE", message: `${names.provider} (${names.baseUrl}): ${mask(error.message).slice(0, 500)} (${cause})`, details };
}

/** The vendor ended its answer before it was whole. */
export function endedEarly(names: CallNames, status: number): Failure {
  const message = `${names.provider} (${names.baseUrl}) ended its answer before it was whole.`;
  return { code: "MODEL_UNREACHABLE", message, details: { provider: names.provider, model: names.model, baseUrl: names.baseUrl, status } };
}
