import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { CriticEvent } from "@slipway/protocol/critic";
import type { AppendableEvent } from "@slipway/protocol/events";
import type { JobDetail } from "@slipway/protocol/job";
import type { Claim } from "@slipway/protocol/worker-api";
import { execa } from "execa";
import { type TestServer, withCredential } from "../server/server-harness.ts";
import { git } from "../support/repository.ts";

const SUM = `/** Adds numbers up. */
export function sum(values) {
  let total = 0;
  for (const value of values) {
    total = total - value;
  }
  return total;
}

export function mean(values) {
  return sum(values) / values.length;
}
`;

/** What a repository of a scene begins with. */
export const FILES = {
  "src/sum.js": SUM,
  "src/old-name.js": "export const NAME = 'ship';\nexport const HULL = 'red';\nexport const SAILS = 3;\nexport const CREW = 12;\n",
  "src/gone.js": "export const gone = true;\n",
  "run.sh": "#!/bin/sh\necho run\n",
  "docs/guide with blanks.md": "# Guide\n\nAdd numbers.\n",
};

/** A first change, which was sent back, and the one that came of it. */
export const FIRST = `sed -i 's/total - value/total + value/' src/sum.js; printf '<<<<<<< ours\\n' >>src/sum.js`;
export const SECOND = `
sed -i 's/total - value/total + value/; s/Adds numbers up./Adds numbers up; of none it is 0./' src/sum.js
printf '\\nexport function median(values) {\\n  const sorted = values.toSorted((a, b) => a - b);\\n  return sorted[Math.floor(sorted.length / 2)];\\n}\\n' >>src/sum.js
git mv src/old-name.js src/name.js; sed -i 's/red/blue/' src/name.js
git rm -q src/gone.js; chmod +x run.sh
printf 'Add numbers, with <script>alert(1)</script> in it.\\n' >>'docs/guide with blanks.md'
printf '\\211PNG\\r\\n\\032\\n\\000\\001' >logo.png; printf 'n\\303\\244me\\n' >'näme.txt'
`;

/** A job whose attempt made these changes, each by a shell script at its base; all but the last are told as sent back. */
export async function jobWithChanges(
  server: TestServer,
  files: Record<string, string>,
  scripts: readonly string[],
  { events = [], failed = false }: { events?: readonly AppendableEvent[]; failed?: boolean } = {},
): Promise<JobDetail> {
  const { view, source } = await server.repository(files);
  const job = await server.submit(view.id, {
    title: "Mend the sum",
    task: "Mend the sum.\n\nIt takes where it should add.",
    maxAttempts: 1,

    target: "main",
  });
  const dir = await mkdtemp(join(tmpdir(), "slipway-change-"));
  try {
    await git(dir, "clone", "--quiet", source.root, "clone");
    const clone = join(dir, "clone");
    const oids: string[] = [];
    for (const script of scripts) {
      await git(clone, "checkout", "--quiet", "--force", "--detach", job.baseOid);
      await git(clone, "clean", "--quiet", "-fd");
      await execa("sh", ["-ec", script], { cwd: clone });
      await git(clone, "add", "--all");
      await git(clone, "commit", "--quiet", "--message", "Change");
      oids.push(await git(clone, "rev-parse", "HEAD"));
    }
    // Only now, as nobody renews the lease.
    const claim = await server.claim(await server.worker());
    if (claim?.job.id !== job.id) throw new Error("another job was claimed");
    const earlier = (at: number): string => (at === oids.length - 1 ? claim.hub.pushRef : `refs/slipway/jobs/${job.id}/changes/${claim.fence}/${at + 1}`);
    for (const [index, oid] of oids.entries())
      await git(clone, "push", "--quiet", withCredential(claim.hub.jobsUrl, claim.hub.credential), `${oid}:${earlier(index)}`);
    await finish(server, claim, oids, { events, failed });
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
  return await server.client("viewer").call("getJob", { params: { job: job.id } });
}

async function finish(
  server: TestServer,
  { job, fence }: Claim,
  oids: readonly string[],
  { events, failed }: { events: readonly AppendableEvent[]; failed: boolean },
): Promise<void> {
  const params = { job: job.id, fence };
  const worker = server.client("worker");
  if (events.length > 0)
    await worker.call("appendEvents", { params, body: { events: events.map((event, index) => ({ ordinal: index + 1, at: Date.now(), event })) } });
  const earlier = oids.slice(0, -1).map((oid, index) => ({ number: index + 1, oid, refusedBy: ["conflicts"] }));
  const done = { oid: oids.at(-1) ?? "", diffStat: { files: 7, insertions: 9, deletions: 4 } };
  const failure = { code: "GATES_FAILED" as const, message: "The gate test failed, and 1 repair was tried.", details: {} };
  const outcome = failed ? ({ kind: "failed", failure, kept: done, earlier } as const) : ({ kind: "change", ...done, earlier } as const);
  await worker.call("finish", { params, body: { outcome } });
}

const check = (name: string, findings: string[], passed = findings.length === 0): AppendableEvent => ({ kind: "check", data: { name, passed, findings } });
const critic = (more: Partial<CriticEvent>): AppendableEvent => ({
  kind: "critic",
  data: {
    ...{ name: "careful", by: "model lab/big", level: "required", verdict: "approve", score: 80, confidence: 0.9, summary: "It adds." },
    ...{ criteria: [], findings: [], notes: [], kept: false, durationMs: 900 },
    ...more,
  },
});

/** What checks and a critic said of both changes. */
export const SAID: readonly AppendableEvent[] = [
  check("change", []),
  check("conflicts", ["src/sum.js:14: A merge's marker is in the file."]),
  check("change", []),
  check("conflicts", []),
  check("whitespace", ["docs/guide with blanks.md:4: The line is long."], true),
  critic({
    findings: [
      { severity: "minor", text: "The median of an even number of values is between two.", file: "src/sum.js", line: 16, proven: true },
      { severity: "nit", text: "A test would be good. <b>Not bold</b>", proven: true },
    ],
  }),
];
