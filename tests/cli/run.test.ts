import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { git, Playground, type Watched } from "./slipway.ts";

// Each command is a process of its own, and some tests need ten of them.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

/** One `slipway up` for the file; each test has a repository of its own. */
let ground: Playground;
let up: Watched;
let greet: string[];

beforeAll(async () => {
  ground = await Playground.make();
  up = ground.start(ground.folder, "up", "--port", "0", ...(await ground.sandbox()));
  await up.says("slipway jobs");
  greet = await ground.script("greet", [{ print: "I write a greeting." }, { write: { path: "greeting.txt", content: "hello\n" } }]);
});

afterAll(async () => await ground[Symbol.asyncDispose]());

test("up says where it is, where its data are, what the sandbox is and what to type next", async () => {
  await up.says(/url +http:\/\/127\.0\.0\.1:\d+/);
  await up.says(ground.data);
  await up.says(/sandbox +(bwrap|none)/);
  await up.says("slipway run");
});

test("a second up on the same data folder is refused, with the address of the first", async () => {
  const { code, stderr } = await ground.slipway(ground.folder, "up", "--sandbox", "none");
  expect(code).toBe(5);
  expect(stderr).toMatch(/^error DATA_FOLDER_IN_USE: .*http:\/\/127\.0\.0\.1/);
});

describe("run", () => {
  test("lands on a new branch, in a repository with spaces and ünïcode in its path, and leaves the checkout alone", async () => {
    const root = await ground.repository("my  répo with spaces");
    const before = await git(root, "rev-parse", "HEAD");
    const { code, stdout, stderr } = await ground.slipway(root, "run", "Write a greeting", ...greet);
    expect([code, stderr]).toEqual([0, ""]);
    expect(stdout).toContain("gate test passed");
    const [branch] = (await git(root, "branch", "--list", "slipway/*", "--format=%(refname:short)")).split("\n");
    expect(branch).toMatch(/^slipway\/write-a-greeting/);
    expect(stdout).toContain(`git merge ${branch}`);
    expect(await git(root, "show", `${branch}:greeting.txt`)).toBe("hello");
    expect(await git(root, "status", "--porcelain")).toBe("");
    expect(await git(root, "rev-parse", "HEAD")).toBe(before);
    expect(await git(root, "log", "-1", "--format=%(trailers:key=Slipway-Job)%(trailers:key=Job)", `${branch}`)).toMatch(/Job: /);
  });

  test("from a folder inside the repository, with a detached HEAD", async () => {
    const root = await ground.repository("detached", { "sub/file.txt": "x\n" });
    await git(root, "checkout", "--quiet", "--detach");
    const { code } = await ground.slipway(join(root, "sub"), "run", "Write a greeting", ...greet);
    expect(code).toBe(0);
    expect(await git(root, "rev-parse", "--abbrev-ref", "HEAD")).toBe("HEAD");
    expect(await git(root, "branch", "--list", "slipway/*")).not.toBe("");
  });

  test("names uncommitted changes and leaves them out; --include-dirty takes them along", async () => {
    const root = await ground.repository("dirty");
    for (let index = 1; index <= 7; index += 1) await writeFile(join(root, `note-${index}.txt`), `${index}\n`);
    const without = await ground.slipway(root, "run", "Write a greeting", ...greet);
    expect(without.code).toBe(0);
    expect(without.stderr.replaceAll("\n", " ")).toMatch(/^warning: 7 uncommitted changes .*note-1\.txt, .*and 2 more\. Pass --include-dirty/);
    const taken = await ground.slipway(root, "run", "Write another greeting", "--include-dirty", ...greet);
    expect([taken.code, taken.stderr]).toEqual([0, ""]);
    const [, branch = ""] = /on (slipway\/write-another\S*)/.exec(taken.stdout) ?? [];
    expect(await git(root, "show", `${branch}:note-7.txt`)).toBe("7");
    expect((await git(root, "status", "--porcelain")).split("\n")).toHaveLength(7);
  });

  test("--into the checked-out branch moves it with its tree, where the tree is clean", async () => {
    const root = await ground.repository("into clean");
    const { code, stdout } = await ground.slipway(root, "run", "Write a greeting", "--into", "main", ...greet);
    expect(code).toBe(0);
    expect(stdout).toContain("on main");
    expect(await readFile(join(root, "greeting.txt"), "utf8")).toBe("hello\n");
    expect(await git(root, "status", "--porcelain")).toBe("");
    const more = await ground.script("more", [{ write: { path: "more.txt", content: "more\n" } }]);
    const again = await ground.slipway(root, "run", "Write more", "--into", "main", ...more);
    expect(again.code).toBe(0);
    expect(await git(root, "log", "--format=%s", "main")).toMatch(/^.*\n.*\nfirst$/);
  });

  test("--into the checked-out branch leaves it alone where the tree is dirty, and says what to type", async () => {
    const root = await ground.repository("into dirty");
    await writeFile(join(root, "README.md"), "# changed\n");
    const before = await git(root, "rev-parse", "main");
    const { code, stdout } = await ground.slipway(root, "run", "Write a greeting", "--into", "main", ...greet);
    expect(code).toBe(0);
    expect(await git(root, "rev-parse", "main")).toBe(before);
    expect(await readFile(join(root, "README.md"), "utf8")).toBe("# changed\n");
    const [, job] = /slipway fetch (\d+) --into main/.exec(stdout) ?? [];
    await git(root, "checkout", "--quiet", "README.md");
    const fetched = await ground.slipway(root, "fetch", job ?? "", "--into", "main");
    expect([fetched.code, fetched.stderr]).toEqual([0, ""]);
    expect(await readFile(join(root, "greeting.txt"), "utf8")).toBe("hello\n");
  });

  test("--into follows commits that the user made meanwhile", async () => {
    const root = await ground.repository("into moved");
    await ground.slipway(root, "run", "Write a greeting", "--into", "main", ...greet);
    await writeFile(join(root, "own.txt"), "own\n");
    await git(root, "add", "--all");
    await git(root, "commit", "--quiet", "--message", "own work");
    const more = await ground.script("more", [{ write: { path: "more.txt", content: "more\n" } }]);
    const { code } = await ground.slipway(root, "run", "Write more", "--into", "main", ...more);
    expect(code).toBe(0);
    expect((await git(root, "ls-tree", "--name-only", "main")).split("\n")).toEqual(expect.arrayContaining(["greeting.txt", "more.txt", "own.txt"]));
  });

  test("--base starts from another commit; an unknown one ends with 2", async () => {
    const root = await ground.repository("based");
    await git(root, "branch", "old");
    await git(root, "commit", "--quiet", "--allow-empty", "--message", "newer");
    const { code } = await ground.slipway(root, "run", "Write a greeting", "--base", "old", ...greet);
    expect(code).toBe(0);
    const branch = await git(root, "branch", "--list", "slipway/*", "--format=%(refname:short)");
    expect(await git(root, "rev-parse", `${branch}~1`)).toBe(await git(root, "rev-parse", "old"));
    const unknown = await ground.slipway(root, "run", "x", "--base", "nowhere", ...greet);
    expect(unknown.code).toBe(2);
    expect(unknown.stderr).toMatch(/^error BASE_NOT_FOUND: .*"nowhere"/);
  });

  test("a job that fails ends with 1 and says why and what next", async () => {
    const root = await ground.repository("idle");
    const { code, stdout } = await ground.slipway(root, "run", "Do nothing", ...(await ground.script("nothing", [{ print: "Nothing to do." }])));
    expect(code).toBe(1);
    expect(stdout).toContain("NO_CHANGE");
    expect(stdout).toMatch(/slipway show \d+/);
  });

  test.each([
    [
      "no YAML",
      "turns:\n  - - write: {path: a, content: b}\n    - print: [\n",
      /^error INVALID_CONFIG: .*\/steps\.yaml:4:1: expected valid YAML: .+; nothing is there\.\nMend it/,
    ],
    ["an unknown step", "turns:\n  - - wriite: {path: a, content: b}\n", /^error INVALID_REQUEST: .*backendConfig\.script\.turns\.0\.0/],
    ["no mapping", "- print: hello\n", /^error INVALID_REQUEST: .*backendConfig\.script/],
  ])("a file of steps with %s is refused before there is a job", async (what, text, message) => {
    const root = await ground.repository(`refused ${what}`);
    await writeFile(join(root, "steps.yaml"), text);
    const { code, stderr } = await ground.slipway(root, "submit", "Be refused", "--include-dirty", "--backend-config", `script=@${join(root, "steps.yaml")}`);
    expect([code, stderr], stderr).toEqual([2, expect.stringMatching(message)]);
    expect(JSON.parse((await ground.slipway(root, "jobs", "--here", "--json")).stdout).jobs).toEqual([]);
  });

  test("a red gate, or a setup that fails, names the command that prints its whole output", async () => {
    const gates = ".slipway.yaml";
    const root = await ground.repository("red", {
      [gates]: "version: 1\nrepairs: 0\ngates:\n  - {name: test, run: 'seq 1 3; printf \"\\377\"; test ! -e greeting.txt'}\n",
    });
    const red = await ground.slipway(root, "run", "Write a greeting", ...greet);
    const [, job = "", name = ""] = /slipway show (\d+) --artifact\s+(\S+)`/.exec(red.stdout) ?? [];
    expect([red.code, name]).toEqual([1, "gate-test-0.log"]);
    const json = JSON.parse((await ground.slipway(root, "show", job, "--artifact", name, "--json")).stdout);
    expect(Buffer.from(json.text, json.encoding)).toEqual(Buffer.from("1\n2\n3\n\xff", "latin1"));
    expect((await ground.slipway(root, "show", job)).stdout).toContain(`slipway show ${job} --artifact ${name}`);
    const other = await ground.slipway(root, "show", job, "--artifact", "other.log");
    expect([other.code, other.stderr]).toEqual([2, expect.stringContaining(`slipway artifacts ${job}`)]);
    const unready = await ground.repository("unready", { [gates]: "version: 1\nsetup:\n  commands: [echo not ready; exit 3]\n" });
    const setup = await ground.slipway(unready, "run", "Write a greeting", ...greet);
    const [, number = ""] = /slipway\s+show (\d+) --artifact\s+setup\.log/.exec(setup.stdout) ?? [];
    expect((await ground.slipway(unready, "show", number, "--artifact", "setup.log")).stdout).toBe("$ echo not ready; exit 3\nnot ready");
  });

  test("a blocked job ends with 3", async () => {
    const root = await ground.repository("blocked");
    const { code, stdout } = await ground.slipway(
      root,
      "run",
      "Be refused",
      ...(await ground.script("auth", [{ fail: { code: "BACKEND_AUTH", message: "no key" } }])),
    );
    expect(code).toBe(3);
    expect(stdout).toContain("BACKEND_AUTH");
  });

  test("--json gives one document and keeps progress on standard error", async () => {
    const root = await ground.repository("json");
    const { code, stdout, stderr } = await ground.slipway(root, "run", "Write a greeting", "--json", ...greet);
    expect(code).toBe(0);
    const report = JSON.parse(stdout);
    expect(report).toMatchObject({
      job: { state: "done", title: "Write a greeting" },
      result: { updated: "created", branch: expect.stringMatching(/^slipway\//) },
    });
    expect(stderr).toContain("landed");
  });

  test("without a terminal nothing is coloured, and no line is wider than 80 columns", async () => {
    const root = await ground.repository("plain");
    const { stdout } = await ground.slipway(root, "run", `Write ${"a very long greeting ".repeat(6)}`, ...greet);
    expect(stdout).not.toContain("\x1b");
    for (const line of stdout.split("\n").filter((text) => !text.includes("slipway/"))) expect([...line].length, line).toBeLessThanOrEqual(80);
  });

  test("what an agent prints cannot take over the terminal", async () => {
    const root = await ground.repository("hostile");
    const evil = await ground.script("evil", [{ print: "a\x1b[2Jb\x1b]0;title\x07c" }, { write: { path: "x", content: "x" } }]);
    const { stdout } = await ground.slipway(root, "run", "Be evil", ...evil);
    expect(stdout).toContain("abc");
    expect(stdout).not.toMatch(/[\x00-\x08\x0b-\x1f\x7f]/);
  });
});

describe("Ctrl-C without a terminal cancels the job and ends with 130", () => {
  test.each(["SIGINT", "SIGTERM"] as const)("%s", async (signal) => {
    const root = await ground.repository(`cancel ${signal}`);
    const hang = await ground.script("hang", [{ print: "I hang." }, { hang: { heartbeatMs: 1_000 } }]);
    const run = ground.start(root, "run", "Hang", ...hang);
    await run.says("I hang.");
    run.signal(signal);
    const { code, stdout } = await run.end();
    expect(code).toBe(130);
    const [, job] = /job (\d+)/.exec(stdout) ?? [];
    const shown = await ground.slipway(root, "show", job ?? "", "--json");
    expect(JSON.parse(shown.stdout).job.state).toBe("cancelled");
  });
});

test("submit, jobs, show, logs, diff, explain, retry and cancel work together", async () => {
  const root = await ground.repository("together");
  const chatty = await ground.script("chatty", [{ shell: "echo a line of the log" }, { write: { path: "chat.txt", content: "chat\n" } }]);
  const submitted = JSON.parse((await ground.slipway(root, "submit", "Chat", "--json", ...chatty)).stdout);
  const job = String(submitted.job.number);
  const followed = await ground.slipway(root, "logs", "-f", job);
  expect(followed.code).toBe(0);
  expect(followed.stdout).toContain("a line of the log");
  expect((await ground.slipway(root, "logs", job)).stdout).toBe(followed.stdout);
  const events = (await ground.slipway(root, "logs", job, "--json")).stdout.split("\n").map((line) => JSON.parse(line));
  expect(events.map(({ seq }) => seq)).toEqual(events.map((_, index) => index + 1));
  const listed = await ground.slipway(root, "jobs", "--here");
  expect(listed.stdout).toMatch(new RegExp(`^ *${job}  done +Chat`, "m"));
  const shown = await ground.slipway(root, "show", job);
  for (const part of ["timeline", "attempts", "receipts", "landed"]) expect(shown.stdout).toContain(part);
  expect(shown.stdout).toMatch(/✓ test {2}exit 0 .* in (bwrap|none) {2}\d{4}-/m);
  expect((await ground.slipway(root, "diff", job)).stdout).toContain("+chat");
  expect((await ground.slipway(root, "explain", job)).stdout).toMatch(/reason +\S/);
  expect((await ground.slipway(root, "fetch", job)).code).toBe(0);
  const retried = JSON.parse((await ground.slipway(root, "retry", job, "--json")).stdout);
  expect(retried.job.retryOf).toBe(submitted.job.id);
  await ground.slipway(root, "logs", "-f", String(retried.job.number));
  const late = await ground.slipway(root, "cancel", job);
  expect(late.code).toBe(2);
  expect(late.stderr).toMatch(/^error CONFLICT: /);
  const unknown = await ground.slipway(root, "show", "999999");
  expect([unknown.code, unknown.stderr.split(":")[0]]).toEqual([2, "error NOT_FOUND"]);
});

test("a mistyped backend is wrong usage; a job without a log says so", async () => {
  const root = await ground.repository("unlogged");
  const unknown = await ground.slipway(root, "run", "x", "--backend", "scirpt");
  expect([unknown.code, unknown.stderr]).toEqual([2, expect.stringMatching(/^error BACKEND_NOT_INSTALLED: .*\nDid you mean script\? Choose one of: .*script/)]);
  const { job } = JSON.parse((await ground.slipway(root, "submit", "Later", "--after", "1h", "--json", ...greet)).stdout);
  const number = String(job.number);
  const { code, stdout, stderr } = await ground.slipway(root, "logs", number);
  expect([code, stdout, stderr.replaceAll("\n", " ")]).toEqual([0, "", expect.stringContaining(`job ${number} has no log yet`)]);
  expect((await ground.slipway(root, "logs", number, "--json")).stderr).toBe("");
  expect((await ground.slipway(root, "cancel", number)).code).toBe(0);
});

test("a job may wait for a time and for other jobs, ask for a worker and be bounded; show tells of it", async () => {
  const root = await ground.repository("waiting");
  const first = JSON.parse((await ground.slipway(root, "submit", "First", "--after", "1h", "--json", ...greet)).stdout).job;
  const bounds = ["--max-attempts", "1", "--queue-timeout", "2h", "--require", "os:linux", "--require", "moon"];
  const second = await ground.slipway(root, "submit", "Second", "--depends-on", String(first.number), ...bounds, "--json", ...greet);
  const { job } = JSON.parse(second.stdout);
  expect(job).toMatchObject({ state: "queued", dependsOn: [first.id], maxAttempts: 1, queueTimeoutMs: 7_200_000 });
  expect(job.requires).toEqual(expect.arrayContaining(["os:linux", "moon"]));
  expect(Date.parse(first.runAfter) - Date.parse(first.createdAt)).toBeGreaterThan(3_500_000);
  const shown = await ground.slipway(root, "show", String(first.number));
  expect(shown.stdout).toMatch(/not before +\d{4}-.*\(in (1 h|59 min)/);
  expect(shown.stdout).toMatch(/due +\d{4}-.*\(in 2[45] h/);
  expect((await ground.slipway(root, "show", String(job.number))).stdout).toMatch(/requires +os:linux, moon\n +depends on +\S+/);
  expect((await ground.slipway(root, "explain", String(job.number))).stdout).toContain(`It waits for job ${first.number}`);
  const unknown = await ground.slipway(root, "submit", "Third", "--depends-on", "999999", ...greet);
  expect([unknown.code, unknown.stderr.split(":")[0]]).toEqual([2, "error NOT_FOUND"]);
  for (const { number } of [job, first]) expect((await ground.slipway(root, "cancel", String(number))).code).toBe(0);
});

test("pages of jobs lead on with the printed cursor", async () => {
  const first = JSON.parse((await ground.slipway(ground.folder, "jobs", "--json", "--limit", "2")).stdout);
  expect(first.jobs).toHaveLength(2);
  const second = JSON.parse((await ground.slipway(ground.folder, "jobs", "--json", "--limit", "2", "--cursor", first.nextCursor)).stdout);
  expect(second.jobs[0].number).toBeLessThan(first.jobs[1].number);
});
