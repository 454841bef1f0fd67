import type { HubAccess } from "@slipway/protocol/worker-api";
import { upstreamBoundary } from "./boundary.ts";
import { basicAuthorization } from "./credential.ts";
import { runGit } from "./exec.ts";
import type { WorkerRepository } from "./repository.ts";
import { transferConfig } from "./transfer.ts";

export interface PushOptions {
  /** Takes the place of what the ref names now, whatever its history: for a merge that is made again because its target moved. */
  readonly replace?: boolean;
  /** Commits below the pushed one that the hub's upstream.git is known to have; looked for where they are not named, which costs two git processes. */
  readonly known?: readonly string[];
}

/**
 * Pushes a commit of jobs.git to a new ref on the hub. REPOSITORY_UNREACHABLE where the hub refuses it or does not answer.
 *
 * `git push` learns what the hub has from the tips of its branches alone; on a worker that lacks the newest ones it would send all of history. Here the
 * base is known to be on the hub, so one request with what is new beyond it is enough. Where that is refused, `git push` has the last word: it knows a
 * ref that is already there, and says why something is wrong.
 */
export async function pushToHub(
  repository: WorkerRepository,
  hub: HubAccess,
  oid: string,
  ref: string,
  signal: AbortSignal,
  options: PushOptions = {},
): Promise<void> {
  if (await sendPack(repository, hub, oid, ref, signal, options.known)) return;
  await runGit(["push", "--quiet", "--no-verify", "--", hub.jobsUrl, `${options.replace ? "+" : ""}${oid}:${ref}`], {
    gitDir: repository.jobsGit,
    credential: hub.credential,
    config: transferConfig(),
    signal,
    failure: "REPOSITORY_UNREACHABLE",
  });
}

/** The push half of gitprotocol-pack(5) over gitprotocol-http(5): one command, one pack. False where it did not succeed. */
async function sendPack(
  repository: WorkerRepository,
  hub: HubAccess,
  oid: string,
  ref: string,
  signal: AbortSignal,
  knownOids?: readonly string[],
): Promise<boolean> {
  const known = knownOids ?? (await upstreamBoundary(repository, oid, signal));
  if (known.length === 0 || known.includes(oid)) return false;
  try {
    const input = [oid, "--not", ...known].map((line) => `${line}\n`).join("");
    const { stdout: pack } = await runGit(["pack-objects", "--revs", "--thin", "--stdout", "--quiet"], { gitDir: repository.jobsGit, signal, input });
    const command = `${"0".repeat(oid.length)} ${oid} ${ref}\0report-status object-format=${oid.length === 40 ? "sha1" : "sha256"}`;
    const response = await fetch(`${hub.jobsUrl}/git-receive-pack`, {
      method: "POST",
      headers: { authorization: basicAuthorization(hub.credential), "content-type": "application/x-git-receive-pack-request" },
      body: new Blob([`${packetLine(command)}0000`, new Uint8Array(pack)]),
      redirect: "error",
      signal,
    });
    const report = await response.text();
    return response.ok && report.includes("unpack ok\n") && report.includes(`ok ${ref}\n`) && !report.includes(`ng ${ref}`);
  } catch {
    // Too large for one request, or no connection: `git push` streams, and says what is wrong.
    signal.throwIfAborted();
    return false;
  }
}

function packetLine(text: string): string {
  return (Buffer.byteLength(text) + 4).toString(16).padStart(4, "0") + text;
}
