/** What went wrong with a call, in the words of the server's error table. */
export class ApiFailure extends Error {
  readonly code: string;
  readonly hint: string;
  readonly status: number;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(status: number, body: { code: string; message: string; hint: string; details: Record<string, unknown> }) {
    super(body.message);
    this.name = "ApiFailure";
    this.status = status;
    this.code = body.code;
    this.hint = body.hint;
    this.details = body.details;
  }
}

/** Anything that was thrown, as something to show. */
export function toFailure(error: unknown): ApiFailure {
  if (error instanceof ApiFailure) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new ApiFailure(0, { code: "PAGE_FAILED", message, hint: "Reload the page. If it happens again, report it with what you did.", details: {} });
}

/** The failure that a response which is not 2xx carries. */
export async function failureOf(response: Response): Promise<ApiFailure> {
  const text = await response.text();
  try {
    const { error } = JSON.parse(text) as { error: ConstructorParameters<typeof ApiFailure>[1] };
    return new ApiFailure(response.status, { code: error.code, message: error.message, hint: error.hint, details: error.details });
  } catch {
    // Not ours: a proxy's page, say.
    const message = `The server answered ${response.status} with something that is not Slipway's.`;
    return new ApiFailure(response.status, { code: "SERVER_UNAVAILABLE", message, hint: "Is there a proxy between you and the server?", details: {} });
  }
}
