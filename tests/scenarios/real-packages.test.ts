import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { afterAll, beforeAll, expect, test } from "vitest";
import { allEvents, ended, submitScript } from "../support/jobs.ts";
import { git, makeRepository, type TestRepository } from "../support/repository.ts";
import { Stack } from "../support/stack.ts";

/**
 * Published packages with their own tests, unpacked from the registry: something is broken in each, and jobs mend it, with the package's own
 * tests as the gate.
 */
interface Package {
  readonly spec: string;
  readonly license: string;
  /** Packages that its tests need. */
  readonly tools: Readonly<Record<string, string>>;
  readonly gate: string;
  /** What is broken, in which file: `right` becomes `wrong`. Each is mended by a job of its own. */
  readonly breaks: ReadonlyArray<{ readonly file: string; readonly right: string; readonly wrong: string }>;
}

const PACKAGES: readonly Package[] = [
  {
    spec: "minimist@1.2.8",
    license: "MIT",
    tools: { tape: "4.2.2" },
    gate: "node node_modules/tape/bin/tape 'test/**/*.js'",
    breaks: [{ file: "index.js", right: "return (/^[-+]?(?:\\d+(?:\\.\\d*)?|\\.\\d+)(e[-+]?\\d+)?$/).test(x);", wrong: "return (/^$/).test(x);" }],
  },
  {
    spec: "shell-quote@1.8.1",
    license: "MIT",
    tools: { tape: "4.2.2" },
    gate: "node node_modules/tape/bin/tape 'test/**/*.js'",
    breaks: [{ file: "quote.js", right: 'return "\'" + s.replace', wrong: "return '' + s.replace" }],
  },
  {
    spec: "inherits@2.0.1",
    license: "ISC",
    tools: {},
    gate: "node test",
    breaks: [{ file: "inherits.js", right: "require('util').inherits", wrong: "function inherits() {}" }],
  },
];

let stack: Stack;
let scratch: string;
const repositories = new Map<string, TestRepository>();

beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), "slipway-packages-"));
  stack = await Stack.start({ slots: 8, verifySlots: 2 });
  for (const item of PACKAGES) repositories.set(item.spec, await unpack(item));
}, 240_000);

afterAll(async () => {
  await stack?.[Symbol.asyncDispose]();
  await rm(scratch, { recursive: true, force: true });
});

/** The package as a repository, with something broken in it. */
async function unpack(item: Package): Promise<TestRepository> {
  const dir = await mkdtemp(join(scratch, "package-"));
  await execa("npm", ["pack", item.spec, "--silent", "--pack-destination", dir], { cwd: dir });
  const [tarball] = await readdir(dir);
  await execa("tar", ["-xzf", String(tarball), "--strip-components=1"], { cwd: dir });
  await rm(join(dir, String(tarball)));
  const manifest = JSON.parse(await readFile(join(dir, "package.json"), "utf8"));
  expect(manifest.license).toBe(item.license);
  // Linters and release tools would be most of the installation; the tests need the runner only.
  manifest.devDependencies = item.tools;
  await writeFile(join(dir, "package.json"), `${JSON.stringify(manifest, null, 2)}\n`);
  for (const { file, right, wrong } of item.breaks) {
    const text = await readFile(join(dir, file), "utf8");
    expect(text, `${item.spec} ${file}`).toContain(right);
    await writeFile(
      join(dir, file),
      text.replace(right, () => wrong),
    );
  }
  const setup = Object.keys(item.tools).length > 0 ? ["npm install --ignore-scripts --no-package-lock --no-audit --no-fund"] : [];
  await writeFile(
    join(dir, ".slipway.yaml"),
    JSON.stringify({ version: 1, setup: { commands: setup }, gates: [{ name: "test", run: item.gate, timeoutSeconds: 120 }], repairs: 2 }),
  );
  await writeFile(join(dir, ".gitignore"), "node_modules/\n");
  return await makeRepository({}, dir);
}

test("eight jobs at once mend three real packages, to landed commits", async () => {
  const client = await stack.client();
  const jobs: Array<{ id: string; item: Package; repaired: boolean }> = [];
  for (const item of PACKAGES) await repositories.get(item.spec)?.register(client, item.spec.split("@")[0] ?? item.spec);
  for (let n = 0; n < 8; n += 1) {
    const item = PACKAGES[n % PACKAGES.length] as Package;
    const [fault] = item.breaks;
    if (!fault) throw new Error("nothing is broken");
    const root = repositories.get(item.spec)?.root ?? "";
    const broken = await readFile(join(root, fault.file), "utf8");
    const mend = { write: { path: fault.file, content: broken.replace(fault.wrong, () => fault.right) } };
    // Every other job gets it wrong at first, and the gate's output brings it back.
    const repaired = n % 2 === 1;
    const turns = repaired ? [[{ write: { path: "NOTES.md", content: "thinking\n" } }], [{ delete: "NOTES.md" }, mend]] : [[mend]];
    jobs.push({
      id: await submitScript(client, item.spec.split("@")[0] ?? "", turns, { target: `fix-${n}`, task: `Mend ${item.spec}, number ${n}` }),
      item,
      repaired,
    });
  }
  for (const { id, item, repaired } of jobs) {
    const detail = await ended(client, id);
    expect(detail.job, `${item.spec}: ${JSON.stringify(detail.job.failure)}`).toMatchObject({ state: "done" });
    expect(detail.attempts).toHaveLength(1);
    const { repo, landedOid, target } = detail.job;
    const [fault] = item.breaks;
    const hub = join(stack.data, "server", "hub", repo.id, "upstream.git");
    expect(await git(hub, "rev-parse", `refs/heads/${target}`)).toBe(landedOid);
    expect(await git(hub, "show", `${landedOid}:${fault?.file}`)).toContain(fault?.right);
    expect(await git(hub, "diff", "--name-only", `${landedOid}^`, `${landedOid}`)).toBe(fault?.file);
    const tree = await git(hub, "rev-parse", `${landedOid}^{tree}`);
    expect(detail.receipts).toContainEqual(expect.objectContaining({ tree, gate: "test", exitCode: 0 }));
    const events = await allEvents(client, id);
    const turnsTaken = events.filter((event) => event.kind === "turn" && event.data.status === "started").length;
    expect(turnsTaken).toBe(repaired ? 2 : 1);
  }
}, 300_000);
