import type { Readable } from "node:stream";

export interface CgiHead {
  readonly status: number;
  readonly headers: Record<string, string>;
  /** What of the body came along with the head. */
  readonly rest: Buffer;
}

/** Longest head that is read, in bytes. */
const HEAD_LIMIT_BYTES = 64 * 1024;

/** Reads the head of a CGI answer (RFC 3875, section 6) and leaves the rest in the stream; undefined where the stream ends before the head does. */
export async function readCgiHead(stream: Readable): Promise<CgiHead | undefined> {
  let bytes = Buffer.alloc(0);
  while (bytes.length < HEAD_LIMIT_BYTES) {
    const chunk: Buffer | null = stream.read();
    if (chunk === null) {
      if (!(await readable(stream))) return undefined;
      continue;
    }
    bytes = Buffer.concat([bytes, chunk]);
    const end = /\r?\n\r?\n/.exec(bytes.toString("latin1"));
    if (end) return { ...parseHead(bytes.toString("latin1", 0, end.index)), rest: bytes.subarray(end.index + end[0].length) };
  }
  return undefined;
}

function parseHead(text: string): { status: number; headers: Record<string, string> } {
  const fields = text.split(/\r?\n/).map((line) => [line.slice(0, line.indexOf(":")).trim().toLowerCase(), line.slice(line.indexOf(":") + 1).trim()] as const);
  const status = fields.find(([name]) => name === "status")?.[1];
  return { status: status ? Number.parseInt(status, 10) : 200, headers: Object.fromEntries(fields.filter(([name]) => name !== "status" && name !== "")) };
}

/** True when there is something to read, false at the end. */
async function readable(stream: Readable): Promise<boolean> {
  if (stream.readableEnded || stream.destroyed) return false;
  const { promise, resolve, reject } = Promise.withResolvers<boolean>();
  const more = (): void => resolve(!stream.readableEnded);
  const end = (): void => resolve(false);
  stream.once("readable", more).once("end", end).once("close", end).once("error", reject);
  try {
    return await promise;
  } finally {
    stream.off("readable", more).off("end", end).off("close", end).off("error", reject);
  }
}
