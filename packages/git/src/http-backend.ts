import { chmod, mkdir, writeFile } from "node:fs/promises";
import type { IncomingMessage, ServerResponse } from "node:http";
import { basename, dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { SlipwayError } from "@slipway/protocol/errors";
import { execa } from "execa";
import { mirrorShallow } from "./bare-store.ts";
import { readCgiHead } from "./cgi.ts";
import { gitEnvironment } from "./environment.ts";

export type GitService = "git-upload-pack" | "git-receive-pack";

export interface ServeGitOptions {
  /** Absolute path of the bare repository. */
  readonly repositoryPath: string;
  /** What follows the repository in the address: `/info/refs`, `/git-upload-pack` or `/git-receive-pack`. */
  readonly pathInfo: string;
  /** What this credential may ask for. */
  readonly services: readonly GitService[];
  /** The one ref that may be pushed, as it is written or as an extended regular expression for the whole name; null: none. */
  readonly allowedPushRef: string | RegExp | null;
  /** Refs right below this one, named 1 to 99, may be pushed beside that; none where it is missing. */
  readonly allowedPushBelow?: string | undefined;
  /** Folder that `installHubHooks` filled. */
  readonly hooksDir: string;
  /** Largest push, in bytes. */
  readonly maxPackBytes: number;
  /** Who asks, for the reflog. */
  readonly remoteUser: string;
}

const HOOK = `#!/bin/sh
# Refuses every push but the one that the caller's credential is good for. A deletion, a moved base and a second ref all fail the push as a whole.
set -f
refuse() { echo "slipway: $1" >&2; exit 1; }
[ -n "$SLIPWAY_PUSH_REF" ] || refuse "this credential may not push"
while read -r old new ref; do
  case $new in *[!0]*) ;; *) refuse "$ref may not be deleted" ;; esac
  # git itself guards the branches only against a change of history. A merge means nothing until it landed, and is made again when its target moved.
  case $ref in refs/slipway/merges/*) ;; *)
    case $old in *[!0]*) git merge-base --is-ancestor "$old" "$new" || refuse "$ref may only move forward" ;; esac ;;
  esac
  if [ "$ref" != "$SLIPWAY_PUSH_REF" ]; then
    below=
    [ -z "$SLIPWAY_PUSH_BELOW" ] || case $ref in "$SLIPWAY_PUSH_BELOW"/[1-9] | "$SLIPWAY_PUSH_BELOW"/[1-9][0-9]) below=yes ;; esac
    if [ -z "$below" ]; then
      [ "$SLIPWAY_PUSH_REF_IS" = pattern ] || refuse "this credential may not push $ref"
      printf '%s\\n' "$ref" | grep -Eqx -e "$SLIPWAY_PUSH_REF" || refuse "this credential may not push $ref"
    fi
  fi
  case $ref in refs/slipway/bases/*) [ "\${ref##*/}" = "$new" ] || refuse "$ref is named after another commit" ;; esac
done
`;

/** Writes the hub's hooks into a folder that the server owns. */
export async function installHubHooks(dir: string): Promise<void> {
  await mkdir(dir, { recursive: true, mode: 0o700 });
  await writeFile(join(dir, "pre-receive"), HOOK, { mode: 0o700 });
  await chmod(join(dir, "pre-receive"), 0o700);
}

/**
 * Answers one request of git's smart HTTP protocol (gitprotocol-http(5)) through `git http-backend`, streaming both ways. NOT_FOUND and FORBIDDEN
 * are thrown before a byte is sent. Resolves when the answer is out; a client that goes away ends the process.
 */
export async function serveGit(request: IncomingMessage, response: ServerResponse, options: ServeGitOptions): Promise<void> {
  const service = requestedService(request, options);
  if (!options.services.includes(service) || (service === "git-receive-pack" && options.allowedPushRef === null)) {
    throw new SlipwayError("FORBIDDEN", `This credential is not good for ${service}.`, { service });
  }
  if (basename(options.repositoryPath) === "jobs.git") await mirrorShallow(join(dirname(options.repositoryPath), "upstream.git"), options.repositoryPath);
  const gone = new AbortController();
  const leave = (): void => {
    if (!response.writableFinished) gone.abort();
  };
  response.once("close", leave);
  try {
    await answer(request, response, cgiEnvironment(request, service, options), gone.signal);
  } finally {
    response.off("close", leave);
  }
}

async function answer(request: IncomingMessage, response: ServerResponse, env: Record<string, string>, signal: AbortSignal): Promise<void> {
  const backend = execa("git", ["http-backend"], {
    cwd: "/",
    env,
    extendEnv: false,
    buffer: { stdout: false, stderr: true },
    maxBuffer: { stderr: 64 * 1024 },
    encoding: "buffer",
    stdin: "pipe",
    reject: false,
    cancelSignal: signal,
    forceKillAfterDelay: 1_000,
  });
  // A backend may answer before it has read everything; then the rest is read for nobody, so that the client comes to read the answer.
  backend.stdin.on("error", () => request.unpipe(backend.stdin).resume());
  request.pipe(backend.stdin);
  try {
    const head = await readCgiHead(backend.stdout);
    if (!head) throw new SlipwayError("INTERNAL", "git http-backend gave no answer.", { stderr: String((await backend).stderr ?? "").slice(-2_000) });
    response.writeHead(head.status, head.headers);
    if (head.rest.length > 0) response.write(head.rest);
    await pipeline(backend.stdout, response);
  } catch (error) {
    if (!signal.aborted) throw error;
    // The client is gone: nobody is left to answer.
  } finally {
    await backend;
    request.unpipe(backend.stdin).resume();
  }
}

function requestedService(request: IncomingMessage, options: ServeGitOptions): GitService {
  const query = new URL(request.url ?? "/", "http://hub").searchParams.get("service");
  const asked = request.method === "GET" && options.pathInfo === "/info/refs" ? query : request.method === "POST" ? options.pathInfo.slice(1) : null;
  if (asked === "git-upload-pack" || asked === "git-receive-pack") return asked;
  throw new SlipwayError("NOT_FOUND", "The hub speaks git's smart HTTP protocol only.", { path: options.pathInfo });
}

function cgiEnvironment(request: IncomingMessage, service: GitService, options: ServeGitOptions): Record<string, string> {
  const header = (name: string): string => String(request.headers[name] ?? "");
  const push = options.allowedPushRef;
  // A plain ref has none of these; a dot alone makes no pattern.
  const isPattern = push instanceof RegExp || /[[\](){}^$*+?|\\]/.test(push ?? "");
  const pushRef = push instanceof RegExp ? push.source : (push ?? "");
  return gitEnvironment({
    config: [
      ["core.hooksPath", options.hooksDir],
      ["http.getanyfile", "false"],
      ["http.uploadpack", "true"],
      ["http.receivepack", String(service === "git-receive-pack")],
      ["receive.denyDeletes", "true"],
      // The hook above lets history change where that is harmless, and nowhere else.
      ["receive.denyNonFastForwards", "false"],
      ["receive.maxInputSize", String(options.maxPackBytes)],
      ["receive.autogc", "false"],
      // The listing before a push shows nobody's refs but the caller's, and git itself refuses to write the hidden ones.
      ["receive.hideRefs", "refs"],
      ["receive.hideRefs", isPattern ? "!refs/slipway/bases" : `!${pushRef}`],
      ...(options.allowedPushBelow === undefined ? [] : ([["receive.hideRefs", `!${options.allowedPushBelow}`]] as const)),
      ["safe.directory", options.repositoryPath],
    ],
    env: {
      GIT_PROJECT_ROOT: options.repositoryPath,
      PATH_INFO: options.pathInfo,
      GIT_HTTP_EXPORT_ALL: "1",
      REQUEST_METHOD: request.method ?? "GET",
      QUERY_STRING: request.method === "GET" ? `service=${service}` : "",
      CONTENT_TYPE: header("content-type"),
      CONTENT_LENGTH: header("content-length"),
      HTTP_CONTENT_ENCODING: header("content-encoding"),
      GIT_PROTOCOL: /^version=[012]$/.test(header("git-protocol")) ? header("git-protocol") : "",
      REMOTE_USER: options.remoteUser,
      REMOTE_ADDR: request.socket.remoteAddress ?? "",
      SLIPWAY_PUSH_REF: pushRef,
      SLIPWAY_PUSH_BELOW: options.allowedPushBelow ?? "",
      SLIPWAY_PUSH_REF_IS: isPattern ? "pattern" : "name",
    },
  });
}
