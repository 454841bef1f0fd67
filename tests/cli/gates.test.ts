import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { canonicalJson } from "@slipway/protocol/canonical-json";
import { statementSchema } from "@slipway/protocol/statement";
import { execa } from "execa";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { Playground } from "./slipway.ts";

vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 });

/** Passes on the base. On a change it passes from its second run on, in each checkout. */
const ODD = "gates:\n  - {name: odd, run: 'grep -qx 2 sum && exit 0; test -e ../tried && exit 0; touch ../tried; echo the clock was late; exit 1'}\n";

let ground: Playground;
let root: string;
beforeAll(async () => {
  ground = await Playground.make();
  const up = ground.start(ground.folder, "up", "--port", "0", "--sandbox", "none");
  await up.says("slipway jobs");
  root = await ground.repository("ship", { ".slipway.yaml": ODD, sum: "2\n" });
});
afterAll(async () => await ground[Symbol.asyncDispose]());

async function land(name: string): Promise<string> {
  const script = await ground.script(name, [{ write: { path: "sum", content: `${name}\n` } }]);
  const { code, stdout, stderr } = await ground.slipway(root, "run", "Write it", ...script);
  expect(code, stderr + stdout).toBe(0);
  return stdout.replace(/\s+/g, " ");
}

test("flaky failures are shown as they come, listed, quarantined and cleared", async () => {
  expect((await ground.slipway(root, "gates")).stdout).toContain("No failure of a gate is known to come and go.");
  expect(await land("first")).toContain("gate odd is flaky: it passed when it was run again on the same files");
  await land("second");
  const { flakes } = JSON.parse((await ground.slipway(root, "gates", "--json")).stdout);
  const repository = expect.stringMatching(/^ship-[0-9a-f]{6}$/);
  expect(flakes).toMatchObject([{ repository, gate: "odd", jobs: 2, quarantined: true, excerpt: "the clock was late" }]);
  const name: string = flakes[0].repository;
  const listed = await ground.slipway(root, "gates", "--repo", name);
  expect(listed.stdout).toMatch(/^REPOSITORY +GATE +FAILURE +JOBS +STATE +LAST +SAID\nship-\w+ +odd +[0-9a-f]{12} +2 +quarantined +job \d+, .*the cl/);
  expect(listed.stdout).toContain(`slipway gates clear ${name} odd`);
  const wrong = await ground.slipway(root, "gates", "clear", name, "odd", "--failure", "xyz");
  expect([wrong.code, wrong.stderr]).toEqual([2, expect.stringContaining("Expected 8 to 64 hexadecimal digits")]);
  expect((await ground.slipway(root, "gates", "clear", "nothing", "odd")).stderr).toContain("nothing");
  const cleared = await ground.slipway(root, "gates", "clear", name, "odd", "--failure", flakes[0].failureDigest.slice(0, 12));
  expect([cleared.code, cleared.stdout.trim()]).toEqual([0, "1 flaky failure of odd forgotten"]);
  expect(JSON.parse((await ground.slipway(root, "gates", "--json")).stdout)).toEqual({ flakes: [] });
  const { entries } = JSON.parse((await ground.slipway(root, "audit", "--action", "clearFlakes", "--json")).stdout);
  expect(entries).toMatchObject([{ object: { kind: "repository", name }, outcome: "ok" }, { outcome: "NOT_FOUND" }]);
});

test("a landed job's statement can be signed and verified; the same job gives the same bytes, another change of it breaks the signature", async () => {
  const shown = (await ground.slipway(root, "show", "1")).stdout;
  expect(shown).toMatch(/✓ odd {2}exit 0 {2}flaky {2}.* tree [0-9a-f]{12} {2}in none {2}\d{4}-\d\d-\d\dT/);
  const detail = JSON.parse((await ground.slipway(root, "show", "1", "--json")).stdout);
  const { stdout, code } = await ground.slipway(root, "show", "1", "--statement");
  expect(code).toBe(0);
  const statement = statementSchema.parse(JSON.parse(stdout));
  expect(canonicalJson(statement)).toBe(stdout);
  expect((await ground.slipway(root, "show", "1", "--statement")).stdout).toBe(stdout);
  const { landedOid, baseOid } = detail.job;
  const tree = detail.receipts[0].tree;
  expect(statement).toMatchObject({
    subject: [{ digest: { gitCommit: landedOid } }, { digest: { gitTree: tree } }],
    predicate: {
      buildDefinition: {
        externalParameters: {
          repository: expect.stringMatching(/^ship-/),
          target: expect.stringMatching(/^slipway\/write-it-/),
          backend: "script",
          model: null,
        },
        internalParameters: { job: 1, sandbox: "none", redGates: [] },
        resolvedDependencies: [{ digest: { gitCommit: baseOid } }],
      },
      runDetails: { byproducts: [{ name: "receipt:odd", annotations: { exitCode: 0, flaky: true, reused: false, tree } }] },
    },
  });
  const folder = await mkdtemp(join(tmpdir(), "slipway-sign-"));
  const file = join(folder, "statement.json");
  const key = join(folder, "key");
  await writeFile(file, stdout);
  await execa("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", key]);
  await execa("ssh-keygen", ["-q", "-Y", "sign", "-f", key, "-n", "slipway-statement", file]);
  await writeFile(join(folder, "signers"), `release@example.com ${await readFile(`${key}.pub`, "utf8")}`);
  const verify = (input: string) =>
    execa("ssh-keygen", ["-Y", "verify", "-f", join(folder, "signers"), "-I", "release@example.com", "-n", "slipway-statement", "-s", `${file}.sig`], {
      input,
      reject: false,
    });
  expect((await verify((await ground.slipway(root, "show", "1", "--statement")).stdout)).exitCode).toBe(0);
  expect((await verify(canonicalJson({ ...statement, subject: statement.subject.toReversed() }))).exitCode).not.toBe(0);
  await rm(folder, { recursive: true });
});

test("a job that landed nothing has no statement", async () => {
  const script = await ground.script("none", [{ print: "nothing to do" }]);
  await ground.slipway(root, "run", "Do nothing", ...script);
  const { jobs } = JSON.parse((await ground.slipway(root, "jobs", "--state", "failed", "--json")).stdout);
  const { code, stderr } = await ground.slipway(root, "show", String(jobs[0].number), "--statement");
  expect([code, stderr]).toEqual([expect.any(Number), expect.stringContaining("has landed nothing that a statement could speak for; it is failed")]);
  expect(code).not.toBe(0);
});
