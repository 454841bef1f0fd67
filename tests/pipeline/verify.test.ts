import { createHash } from "node:crypto";
import { treeOf } from "@slipway/git/hub";
import { receiptSchema } from "@slipway/protocol/job";
import { parseRepositoryConfig } from "@slipway/protocol/parse-repository-config";
import { describe, expect, it } from "vitest";
import { runAttempt } from "../../apps/worker/src/job/run-attempt.ts";
import { TestAttempt } from "../support/attempt-context.ts";
import { ProcessProvider } from "../support/process-sandbox.ts";

const CONFIG = `
setup:
  commands: [echo ready > ../ready]
gates:
  - {name: sum, run: grep -x 2 sum}
  - {name: red, run: 'echo no; exit 3'}
  - {name: slow, run: sleep 1000, timeoutSeconds: 0.2}
  - {name: home, run: 'test ! -e "$HOME/left-by-the-agent" && cat new'}
`;

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

describe("a verify job", () => {
  it("gives receipts for every gate on the job's tree, red ones included, with nothing of the agent about", async () => {
    const provider = new ProcessProvider(["echo 2 > sum; echo new > new; touch $HOME/left-by-the-agent"]);
    await using attempt = await TestAttempt.make({ files: { sum: "3\n" }, provider });
    const change = await runAttempt(await attempt.context());
    if (change.kind !== "change") throw new Error("no change came of it");
    const tree = await treeOf(attempt.hubRoot, change.oid);

    attempt.verify({ mergedOid: change.oid, tree, config: parseRepositoryConfig(CONFIG) });
    const outcome = await runAttempt(await attempt.context());
    if (outcome.kind !== "verified") throw new Error("it was not verified");
    for (const receipt of outcome.receipts) receiptSchema.parse(receipt);
    expect(outcome.receipts).toMatchObject([
      { tree, gate: "sum", command: "grep -x 2 sum", exitCode: 0, outputDigest: sha256("2\n"), image: "none" },
      { tree, gate: "red", exitCode: 3, outputDigest: sha256("no\n") },
      { tree, gate: "slow", exitCode: 124 },
      { tree, gate: "home", exitCode: 0, outputDigest: sha256("new\n") },
    ]);
    expect(new Set(outcome.receipts.map((receipt) => `${receipt.setupDigest} ${receipt.environmentDigest}`)).size).toBe(1);
    expect(attempt.artifacts.get("gate-red-0.log")?.toString()).toBe("no\n");
    const phases = attempt.events.flatMap((event) => (event.kind === "phase" ? [`${event.data.phase} ${event.data.status}`] : []));
    expect(phases).toEqual(["prepare started", "prepare ended", "setup started", "setup ended", "verify started", "verify ended"]);
    expect(provider.calls.at(-1)).toBe("end");
  });

  it("refuses a commit that does not have the tree that was named", async () => {
    const provider = new ProcessProvider(["echo 2 > sum"]);
    await using attempt = await TestAttempt.make({ files: { sum: "3\n" }, provider });
    const change = await runAttempt(await attempt.context());
    if (change.kind !== "change") throw new Error("no change came of it");
    attempt.verify({ mergedOid: change.oid, tree: await treeOf(attempt.hubRoot, attempt.job.baseOid), config: parseRepositoryConfig(CONFIG) });
    await expect(runAttempt(await attempt.context())).rejects.toMatchObject({ code: "INTERNAL" });
  });

  it("ends in SETUP_FAILED where the setup fails, and says nothing of gates", async () => {
    const provider = new ProcessProvider(["echo 2 > sum"]);
    await using attempt = await TestAttempt.make({ files: { sum: "3\n" }, provider });
    const change = await runAttempt(await attempt.context());
    if (change.kind !== "change") throw new Error("no change came of it");
    const config = parseRepositoryConfig("setup:\n  commands: [exit 9]\ngates:\n  - {name: a, run: 'true'}\n");
    attempt.verify({ mergedOid: change.oid, tree: await treeOf(attempt.hubRoot, change.oid), config });
    await expect(runAttempt(await attempt.context())).rejects.toMatchObject({ code: "SETUP_FAILED", details: { exitCode: 9 } });
  });
});
