import { ERRORS, SlipwayError, toSlipwayError } from "@slipway/protocol/errors";
import type { FastifyError, FastifyReply, FastifyRequest } from "fastify";

/** The one place where an error becomes an answer. What we did not plan for is logged whole and told in general words. */
export function answerError(error: unknown, known: SlipwayError, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  if (known.status >= 500 && known.code !== "SERVER_UNAVAILABLE") {
    request.log.error({ err: error, method: request.method, url: request.url }, "request failed");
  }
  return reply.status(known.status).type("application/json; charset=utf-8").serializer(JSON.stringify).send(known.toJSON());
}

/** The error as the table has it. */
export function toKnownError(error: unknown, request: FastifyRequest): SlipwayError {
  if (error instanceof SlipwayError) return error;
  const known = toSlipwayError(error);
  if (known.code !== "INTERNAL") return known;
  return fromFastify(error as Partial<FastifyError>, request) ?? new SlipwayError("INTERNAL", ERRORS.INTERNAL.message, {}, { cause: error });
}

/** Errors that Fastify itself has with a request. */
function fromFastify(error: Partial<FastifyError>, request: FastifyRequest): SlipwayError | undefined {
  if (error.code === "FST_ERR_CTP_BODY_TOO_LARGE") {
    const limitBytes = request.routeOptions.bodyLimit;
    return new SlipwayError("PAYLOAD_TOO_LARGE", `The request is larger than ${limitBytes} bytes.`, { limitBytes });
  }
  if (error.code === "FST_ERR_CTP_INVALID_MEDIA_TYPE") {
    return invalidField("content-type", undefined, "application/json, or application/octet-stream for an artifact");
  }
  if (error.statusCode !== undefined && error.statusCode >= 400 && error.statusCode < 500) {
    return new SlipwayError(
      "INVALID_REQUEST",
      `The request cannot be read: ${error.message ?? "no reason given"}`,
      { reason: error.message ?? "" },
      { cause: error },
    );
  }
  return undefined;
}

/** INVALID_REQUEST for one field. */
export function invalidField(field: string, value: unknown, expected: string): SlipwayError {
  return new SlipwayError("INVALID_REQUEST", `${field}: ${expected}.`, { field, value: shown(value), expected });
}

/** A value as an error may show it: short. */
export function shown(value: unknown): unknown {
  const text = typeof value === "string" ? value : JSON.stringify(value);
  if (text === undefined || text.length <= 200) return value;
  return `${text.slice(0, 200)}… (${text.length} characters)`;
}
