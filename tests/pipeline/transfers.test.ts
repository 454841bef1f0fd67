import { readdirSync, readFileSync } from "node:fs";
import { runGit } from "@slipway/git/exec";
import { transferConfig } from "@slipway/git/transfer";
import { ERRORS } from "@slipway/protocol/errors";
import { expect, test } from "vitest";
import { runAttempt } from "../../apps/worker/src/job/run-attempt.ts";
import { TestAttempt } from "../support/attempt-context.ts";
import { ProcessProvider } from "../support/process-sandbox.ts";

const FILES = { ".slipway.yaml": "gates:\n  - {name: sum, run: grep -qx 2 sum}\n", sum: "3\n" };

async function attemptOver(stall: TestAttempt["stall"], timeoutMs: number): Promise<TestAttempt> {
  const attempt = await TestAttempt.make({ files: FILES, provider: new ProcessProvider(["echo 2 > sum"]), isRemote: true, job: { timeoutMs } });
  attempt.stall = stall;
  return attempt;
}

/** Processes that have the address of the attempt's hub on their command line: git, and its helper for HTTP. */
function processesOf(attempt: TestAttempt): string[] {
  const commands = readdirSync("/proc").flatMap((name) => {
    try {
      return /^\d+$/.test(name) ? [readFileSync(`/proc/${name}/cmdline`, "latin1").replaceAll("\0", " ")] : [];
    } catch {
      // It ended while we looked.
      return [];
    }
  });
  return commands.filter((command) => command.includes(attempt.url));
}

test.each([
  { service: "git-upload-pack" as const, phase: "prepare", shareMs: 2_000 },
  { service: "git-receive-pack" as const, phase: "push", shareMs: 4_000 },
])("a hub that falls silent during the $phase costs its share of the attempt's time, and leaves no process", async ({ service, phase, shareMs }) => {
  await using attempt = await attemptOver({ service, begun: Promise.withResolvers() }, 4_000);
  const startedAt = performance.now();
  const failed = runAttempt(await attempt.context());
  await expect(failed).rejects.toMatchObject({ code: "REPOSITORY_UNREACHABLE", message: expect.stringContaining("did not hand over") });
  expect(ERRORS.REPOSITORY_UNREACHABLE.retry).toBe("requeue");
  expect(performance.now() - startedAt).toBeLessThan(shareMs + 2_500);
  expect(attempt.events.at(-1)).toMatchObject({ kind: "phase", data: { phase, status: "failed", detail: expect.stringContaining("REPOSITORY_UNREACHABLE") } });
  expect(processesOf(attempt)).toEqual([]);
});

test("an attempt that waits behind the stalled fetch of another does not wait longer than its own share", async () => {
  const stall = { service: "git-upload-pack" as const, begun: Promise.withResolvers<void>() };
  await using attempt = await attemptOver(stall, 120_000);
  const cancel = new AbortController();
  const first = runAttempt(await attempt.context({ signal: cancel.signal }));
  first.catch(() => undefined);
  await stall.begun.promise;
  expect(processesOf(attempt).length).toBeGreaterThan(0);
  const second = await attempt.context();
  const impatient = { ...second, claim: { ...second.claim, job: { ...second.claim.job, timeoutMs: 1_000 } } };
  await expect(runAttempt(impatient)).rejects.toMatchObject({ code: "REPOSITORY_UNREACHABLE" });
  cancel.abort(new Error("enough"));
  await expect(first).rejects.toThrow("enough");
  expect(processesOf(attempt)).toEqual([]);
});

test("git itself gives up on a hub that says nothing", async () => {
  await using attempt = await attemptOver({ service: "git-upload-pack", begun: Promise.withResolvers() }, 60_000);
  const url = `${attempt.url}/git/repository/upstream.git`;
  const gitDir = `${attempt.root}/empty.git`;
  await runGit(["init", "--quiet", "--bare", gitDir]);
  const fetched = runGit(["fetch", "--quiet", "--", url, "refs/upstream/main"], { gitDir, config: transferConfig(1), failure: "REPOSITORY_UNREACHABLE" });
  await expect(fetched).rejects.toMatchObject({ code: "REPOSITORY_UNREACHABLE", details: { stderr: expect.stringContaining("too slow") } });
});
