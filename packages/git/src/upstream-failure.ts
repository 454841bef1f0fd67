import { type ErrorCode, SlipwayError } from "@slipway/protocol/errors";

/** Why a repository's own address refused, by what git, ssh and the known hosts say; the first that fits counts. */
const REASONS: ReadonlyArray<readonly [ErrorCode, RegExp]> = [
  [
    "UPSTREAM_HOST_UNKNOWN",
    /Host key verification failed|No \S+ host key is known|REMOTE HOST IDENTIFICATION HAS CHANGED|server certificate verification failed|SSL certificate problem/i,
  ],
  [
    "UPSTREAM_AUTH",
    /Authentication failed|could not read (Username|Password)|returned error: 40[13]|Permission denied|Access denied|Permission to \S+ denied|marked as read only|write access to (the )?repository not granted|Load key .*: |invalid credentials/i,
  ],
  [
    "UPSTREAM_NOT_FOUND",
    /repository .{0,300}not found|returned error: (404|410|30[1278])|does not appear to be a git repository|project you were looking for could not be found/i,
  ],
  ["UPSTREAM_REJECTED", /\[remote rejected\]|pre-receive hook declined|protected branch|GH00\d|not allowed to push/i],
];

/** A failed fetch or push at a repository's own address, with the code that fits what was said; what says nothing known stays as it is. */
export function upstreamFailure(error: unknown, url: string): unknown {
  if (!(error instanceof SlipwayError) || error.code !== "REPOSITORY_UNREACHABLE") return error;
  const words = String(error.details["stderr"] ?? "");
  const code = REASONS.find(([, pattern]) => pattern.test(words))?.[0];
  if (code === undefined) return error;
  return new SlipwayError(code, error.message, { ...error.details, url }, { cause: error });
}
