import { existsSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseRepositoryConfig } from "@slipway/protocol/parse-repository-config";
import { afterAll, describe, expect, it } from "vitest";
import { runAttempt } from "../../apps/worker/src/job/run-attempt.ts";
import { createSandboxProvider } from "../../apps/worker/src/sandbox/create.ts";
import { readOnlyToolchains } from "../../apps/worker/src/sandbox/toolchains.ts";
import { dockerSettings } from "../sandbox/bench.ts";
import { KINDS } from "../sandbox/kinds.ts";
import { TestAttempt } from "../support/attempt-context.ts";
import { git } from "../support/repository.ts";

const INSTALL_ROOT = join(import.meta.dirname, "..", "..");
/** What receipts name. */
const IMAGES = { bwrap: "host", docker: expect.stringMatching(/^sha256:/), none: "none" };
const FILES = {
  ".slipway.yaml": "setup:\n  commands: [echo ready]\n  network: none\ngates:\n  - name: sum\n    run: 'echo \"the sum is $(cat sum)\"; grep -qx 2 sum'\n",
  sum: "3\n",
};

const runtimeFolder = await mkdtemp(join(tmpdir(), "slipway-run-"));
afterAll(() => rm(runtimeFolder, { recursive: true, force: true }));

type Kind = "bwrap" | "docker" | "none";

/** The kinds that hold on this machine; containers with the heavier suites. */
async function kindsHere(): Promise<Kind[]> {
  const holds = await createSandboxProvider("bwrap", { runtimeFolder, installRoot: INSTALL_ROOT, maskPaths: [] })
    .probe()
    .then(
      () => true,
      () => false,
    );
  return (["bwrap", "none", "docker"] as const).filter((kind) => KINDS.includes(kind) && (kind !== "bwrap" || holds));
}

/** An attempt of the script backend in a sandbox of the kind; `turns` are shell commands. */
async function attemptIn(kind: Kind, turns: string[], files: Record<string, string> = FILES): Promise<TestAttempt> {
  const provider = createSandboxProvider(kind, { runtimeFolder, installRoot: INSTALL_ROOT, maskPaths: [], ...(await dockerSettings(kind, runtimeFolder)) });
  const script = { turns: turns.map((run) => [{ shell: run }]) };
  const toolchains = kind === "docker" ? [] : readOnlyToolchains(process.env["PATH"] ?? "");
  return await TestAttempt.make({ files, provider, toolchains, job: { backend: "script", backendConfig: { script } } });
}

/** Plants everything that ever made a git on the outside run an agent's code; each of them would make the file `pwned`. */
function trap(pwned: string): string {
  return `
    run="#!/bin/sh
touch '${pwned}'"
    printf '%s' "$run" > evil.sh; chmod +x evil.sh
    git config core.fsmonitor "$PWD/evil.sh"; git config core.hooksPath "$PWD/hooks"; git config filter.evil.clean "$PWD/evil.sh"; git config filter.evil.process "$PWD/evil.sh"
    mkdir hooks; for hook in pre-commit post-checkout post-index-change reference-transaction; do cp evil.sh hooks/$hook; done
    echo '* filter=evil diff=evil' > .gitattributes
    ln -s /etc/passwd link; ln -s ../../../../etc far; ln -s "$PWD/.git" loop
    echo 2 > sum`;
}

describe.each(await kindsHere())("an attempt in the %s sandbox", (kind) => {
  it("repairs what the gate rejects and pushes the commit", async () => {
    await using attempt = await attemptIn(kind, ["echo 4 > sum; (sleep 1000 & )", "echo 2 > sum; echo hello"]);
    const outcome = await runAttempt(await attempt.context());
    if (outcome.kind !== "change") throw new Error("no change came of it");
    expect(await git(`${attempt.hubRoot}/jobs.git`, "show", `${outcome.oid}:sum`)).toBe("2");
    const gates = attempt.events.flatMap((event) => (event.kind === "gate" ? [`${event.data.round} ${event.data.status}`] : []));
    expect(gates).toEqual(["0 started", "0 failed", "1 started", "1 passed"]);
    expect(attempt.logs.get("gate:sum")).toBe("the sum is 4\nthe sum is 2\n");
    expect(attempt.events.some((event) => event.kind === "log" && event.data.text.includes("hello"))).toBe(true);
  });

  it("commits without writing the objects of the base again, however the files look to it", async () => {
    const many = Object.fromEntries(Array.from({ length: 50 }, (_, index) => [`many/${index}`, `${index}\n`]));
    await using attempt = await attemptIn(kind, ["echo 2 > sum"], { ...FILES, ...many });
    expect(await runAttempt(await attempt.context())).toMatchObject({ kind: "change", diffStat: { files: 1 } });
    const written = await readdir(join(attempt.paths.work, "commit/git/objects"), { recursive: true, withFileTypes: true });
    expect(written.filter((entry) => entry.isFile()).length).toBeLessThan(5);
  });

  it("runs nothing of a hostile workspace outside, and takes symlinks as what they are", async () => {
    await using attempt = await attemptIn(kind, ["true"]);
    const pwned = join(attempt.root, "pwned");
    attempt.job.backendConfig = { script: { turns: [[{ shell: trap(pwned) }]] } };
    const outcome = await runAttempt(await attempt.context());
    if (outcome.kind !== "change") throw new Error("no change came of it");
    const listing = await git(`${attempt.hubRoot}/jobs.git`, "ls-tree", outcome.oid, "link", "far", "sum");
    expect(listing.split("\n").map((line) => line.replace(/ blob \w+\t/, " "))).toEqual(["120000 far", "120000 link", "100644 sum"]);
    expect(await git(`${attempt.hubRoot}/jobs.git`, "show", `${outcome.oid}:link`)).toBe("/etc/passwd");
    expect(existsSync(pwned)).toBe(false);
  });

  it("keeps a hostile workspace of an attempt that failed in the same way, with nothing of the agent alive", async () => {
    await using attempt = await attemptIn(kind, ["true"], { ...FILES, ".slipway.yaml": `${FILES[".slipway.yaml"]}repairs: 0\n` });
    const pwned = join(attempt.root, "pwned");
    // What the agent leaves behind would go on writing into the commit.
    const writer = "(while :; do date +%N > sum; done) >/dev/null 2>&1 &";
    attempt.job.backendConfig = { script: { turns: [[{ shell: `${trap(pwned)}; rm -f '${pwned}'; echo 4 > sum; ${writer}` }]] } };
    await expect(runAttempt(await attempt.context())).rejects.toMatchObject({ code: "GATES_FAILED" });
    const kept = await git(`${attempt.hubRoot}/jobs.git`, "rev-parse", `refs/slipway/jobs/${attempt.job.id}/1`);
    const sum = await readFile(join(attempt.paths.workspace, "sum"), "utf8");
    expect(await git(`${attempt.hubRoot}/jobs.git`, "show", `${kept}:sum`)).toBe(sum.trim());
    expect(await git(`${attempt.hubRoot}/jobs.git`, "show", `${kept}:link`)).toBe("/etc/passwd");
    expect(existsSync(pwned)).toBe(false);
  });

  it("refuses a repository inside the workspace, and runs nothing of it outside", async () => {
    await using attempt = await attemptIn(kind, ["true"]);
    const pwned = join(attempt.root, "pwned");
    const nested = `${trap(pwned)}; mkdir -p deep/nested; cd deep/nested; git init -q .; git config core.fsmonitor ../../evil.sh; echo x > x; git add x 2>/dev/null; git -c user.name=a -c user.email=b commit -qm x 2>/dev/null`;
    attempt.job.backendConfig = { script: { turns: [[{ shell: `(${nested}); rm -f '${pwned}'; true` }]] } };
    await expect(runAttempt(await attempt.context())).rejects.toMatchObject({ code: "SCOPE_VIOLATION" });
    expect(existsSync(pwned)).toBe(false);
    expect(attempt.writes).not.toContain("push");
  });

  it("commits the same where the agent replaced its git directory", async () => {
    await using attempt = await attemptIn(kind, ["rm -rf .git; ln -s /etc .git; echo 2 > sum"]);
    const outcome = await runAttempt(await attempt.context());
    expect(outcome).toMatchObject({ kind: "change", diffStat: { files: 1 } });
  });

  it("verifies the commit's tree in a home that no agent has seen", async () => {
    await using attempt = await attemptIn(kind, ["echo 2 > sum; touch ~/left"]);
    const outcome = await runAttempt(await attempt.context());
    if (outcome.kind !== "change") throw new Error("no change came of it");
    const tree = await git(`${attempt.hubRoot}/jobs.git`, "rev-parse", `${outcome.oid}^{tree}`);
    const gates = [{ name: "sum", run: 'cat sum; test ! -e "$HOME/left"; git log -1 --format=%H', timeoutSeconds: 20 }];
    attempt.verify({ mergedOid: outcome.oid, tree, config: { ...parseRepositoryConfig(""), gates } });
    expect(await runAttempt(await attempt.context())).toMatchObject({
      kind: "verified",
      receipts: [{ tree, gate: "sum", exitCode: 0, image: IMAGES[kind] }],
    });
    expect((await readFile(join(attempt.paths.workspace, "sum"), "utf8")).trim()).toBe("2");
    expect(attempt.logs.get("gate:sum")).toContain(outcome.oid);
  });
});
