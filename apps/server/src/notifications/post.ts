import { join } from "node:path";
import { provideSecret, readSecretFile, SECRET_VARIABLE_PREFIX, secretsFolder } from "@slipway/process/secret-file";
import { SlipwayError, toSlipwayError } from "@slipway/protocol/errors";
import { DELIVERY_HEADER, type NotificationTarget, webhookProblem } from "@slipway/protocol/notifications";

/** Time for one try, in ms. */
export const POST_LIMIT_MS = 10_000;
/** Of an answer, this much is read for the message of a failure, in bytes. */
const ANSWER_LIMIT_BYTES = 200;
/** A receiver may ask for a longer pause; not for a longer one than this, in ms. */
const RETRY_AFTER_LIMIT_MS = 3_600_000;

export interface Post {
  readonly id: string;
  readonly body: string;
}

/**
 * Posts one notification. NOTIFICATION_FAILED where it did not arrive, with `retryAfterMs` in its details where the receiver asked for a pause; nothing of an
 * address that is a secret is in the error.
 */
export async function postNotification(
  dataFolder: string,
  receiver: NotificationTarget,
  { id, body }: Post,
  signal: AbortSignal,
  limitMs = POST_LIMIT_MS,
): Promise<void> {
  const url = await addressOf(dataFolder, receiver);
  const timeout = AbortSignal.timeout(limitMs);
  let response: Response;
  try {
    response = await fetch(url, {
      method: "POST",
      headers: { "content-type": "application/json", "user-agent": "slipway", [DELIVERY_HEADER]: id },
      body,
      // What answers with another address is not the receiver that was configured.
      redirect: "manual",
      signal: AbortSignal.any([signal, timeout]),
    });
  } catch (error) {
    signal.throwIfAborted();
    throw failed(receiver, timeout.aborted ? `did not answer within ${limitMs / 1_000} s` : `cannot be reached (${causeOf(error)})`);
  }
  const answer = await startOf(response);
  if (response.ok) return;
  throw failed(receiver, `answered ${response.status}${answer}`, retryAfterMs(response));
}

function failed({ name }: NotificationTarget, what: string, pauseMs?: number): SlipwayError {
  return new SlipwayError("NOTIFICATION_FAILED", `${name} ${what}.`, { receiver: name, ...(pauseMs === undefined ? {} : { retryAfterMs: pauseMs }) });
}

/** Read each time, so that a new secret needs no restart. */
async function addressOf(dataFolder: string, { name, secret, url }: NotificationTarget): Promise<string> {
  if (url !== undefined) return url;
  const folder = secretsFolder(dataFolder, "server");
  const known = secret ?? "";
  const refused = (what: string): SlipwayError =>
    new SlipwayError("NOTIFICATION_FAILED", `The address of ${name} ${what}.`, {
      receiver: name,
      secret: known,
      hint: `Type ${provideSecret(folder, known)}. Then \`slipway notifications test\`.`,
    });
  let value: string | undefined;
  try {
    value = (await readSecretFile(join(folder, known))) ?? process.env[`${SECRET_VARIABLE_PREFIX}${known}`];
  } catch (error) {
    // Its message is about the file, and has nothing of its content.
    throw refused(`cannot be used: ${toSlipwayError(error).message.replace(/\.$/, "")}`);
  }
  if (!value) throw refused(`is missing: there is no secret ${known}`);
  if (webhookProblem(value) !== null) throw refused(`is none: the secret ${known} holds something else than an address that begins with https://`);
  return value;
}

/** Such as `ECONNREFUSED`; never the message, which may have the address in it. */
function causeOf(error: unknown): string {
  const cause = (error as { cause?: { code?: unknown } }).cause;
  return typeof cause?.code === "string" ? cause.code : "the connection failed";
}

/** What a receiver says of its refusal, in a few words; the rest of its answer is not waited for. */
async function startOf(response: Response): Promise<string> {
  const reader = response.body?.getReader();
  if (!reader) return "";
  try {
    if (response.ok) return "";
    const { value } = await reader.read();
    const text = Buffer.from(value ?? [])
      .subarray(0, ANSWER_LIMIT_BYTES)
      .toString("utf8")
      .replace(/[\x00-\x1f\x7f-\x9f\s]+/g, " ")
      .trim();
    // Who answers with what was asked for could put the address into our log.
    return text === "" || text.includes("://") || text.includes(new URL(response.url || "http://x/-").pathname) ? "" : `: ${text}`;
  } catch {
    // It broke off in the middle of its answer: the status says enough.
    return "";
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}

function retryAfterMs(response: Response): number | undefined {
  const text = response.headers.get("retry-after");
  if (text === null) return undefined;
  const ms = /^\d+$/.test(text.trim()) ? Number(text) * 1_000 : Date.parse(text) - Date.now();
  return Number.isFinite(ms) && ms > 0 ? Math.min(ms, RETRY_AFTER_LIMIT_MS) : undefined;
}
