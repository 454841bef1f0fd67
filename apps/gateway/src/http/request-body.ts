import type { IncomingMessage } from "node:http";
import { SlipwayError } from "@slipway/protocol/errors";
import type { Admission } from "./admission.ts";

export const BODY_LIMIT_BYTES = 64 * 1_048_576;

/** The whole body of a request, counted at `admission` while it is held. PAYLOAD_TOO_LARGE; INVALID_REQUEST where it is cut off. */
export async function readBody(request: IncomingMessage, admission: Admission): Promise<Buffer> {
  const told = Number(request.headers["content-length"] ?? 0);
  if (told > BODY_LIMIT_BYTES) throw tooLarge();
  const chunks: Buffer[] = [];
  let bytes = 0;
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  // Not `for await`: leaving such a loop destroys the connection, and the agent would not hear why.
  request.on("data", (chunk: Buffer) => {
    try {
      bytes += chunk.length;
      if (bytes > BODY_LIMIT_BYTES) throw tooLarge();
      admission.hold(chunk.length);
      chunks.push(chunk);
    } catch (error) {
      request.pause();
      reject(error);
    }
  });
  request.once("end", resolve);
  for (const event of ["error", "close"]) {
    request.once(event, (cause?: unknown) => reject(new SlipwayError("INVALID_REQUEST", "The request ended before its body was whole.", {}, { cause })));
  }
  await promise;
  return chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks, bytes);
}

function tooLarge(): SlipwayError {
  return new SlipwayError("PAYLOAD_TOO_LARGE", `The request's body is larger than ${BODY_LIMIT_BYTES} bytes.`, { limitBytes: BODY_LIMIT_BYTES });
}
