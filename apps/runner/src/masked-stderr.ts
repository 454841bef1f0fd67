import { createMatcher, type Matcher, Redactor, redactText } from "@slipway/redact/redactor";
import { secretPatterns } from "@slipway/redact/secret-patterns";

const values = new Set<string>();
let matcher: Matcher | undefined;

/**
 * Masks these values, and those of earlier calls, in what this process writes on standard error from here on: it is a file of the worker, and backends write on
 * it with every `console.log`. One write at a time, so that a line never waits; children that inherit the stream write past it.
 */
export function maskStandardError(secrets: Iterable<string>): void {
  const isFirst = matcher === undefined;
  for (const secret of secrets) values.add(secret);
  matcher = createMatcher(secretPatterns(values));
  if (!isFirst) return;
  const write = process.stderr.write.bind(process.stderr) as (chunk: unknown, ...rest: unknown[]) => boolean;
  process.stderr.write = (chunk: unknown, ...rest: unknown[]): boolean => write(masked(chunk), ...rest);
}

function masked(chunk: unknown): unknown {
  if (matcher === undefined || matcher.places === 0) return chunk;
  if (typeof chunk === "string") return redactText(matcher, chunk);
  if (!(chunk instanceof Uint8Array)) return chunk;
  const redactor = new Redactor(matcher);
  return Buffer.concat([redactor.push(chunk), redactor.end()]);
}
