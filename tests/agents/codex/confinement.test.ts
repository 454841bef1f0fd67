import { execFile } from "node:child_process";
import { randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdtemp, readdir, readFile, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { eventsOf, openBench, outcomeOf, TOKEN } from "./bench.ts";

const run = promisify(execFile);

test("the token is not in the environment of the model's shell, in any event, in the log or in a file", async () => {
  await using bench = await openBench({ turns: [{ steps: [{ shell: "env; echo the end" }, { text: "Done." }] }] });
  const record = await bench.run({ env: { OF_THE_JOB: "is there" } });
  const [result] = eventsOf(record, "tool-result");
  expect(result?.output).toContain("OF_THE_JOB=is there");
  expect(result?.output).toContain("the end");
  expect(JSON.stringify([record.events, [...record.logs]])).not.toContain(TOKEN);
  const entries = await readdir(bench.home, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  expect(files.some((file) => file.endsWith(".jsonl"))).toBe(true);
  for (const file of files) expect((await readFile(file)).includes(TOKEN), file).toBe(false);
  expect(bench.server.requests.all.every(({ headers }) => headers.authorization === `Bearer ${TOKEN}`)).toBe(true);
});

/** Runs Codex as an ordinary user in a network of its own, in which a name server writes down who is looked for: what it asks of the world outside. */
async function lookUps(how: "backend" | "bare"): Promise<{ outcome: string; names: string[]; requests: string[] }> {
  const folder = await mkdtemp(join(tmpdir(), "slipway-lookups-"));
  try {
    const nameServer = join(folder, "resolv.conf");
    await writeFile(nameServer, "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n");
    const sandbox = ["--dev-bind", "/", "/", "--unshare-user", "--uid", "1000", "--gid", "1000", "--unshare-net", "--cap-add", "CAP_NET_BIND_SERVICE"];
    const child = [process.execPath, join(import.meta.dirname, "look-ups-child.ts"), how];
    const { stdout } = await run("bwrap", [...sandbox, "--ro-bind", nameServer, await realpath("/etc/resolv.conf"), "--", ...child]);
    return JSON.parse(stdout) as { outcome: string; names: string[]; requests: string[] };
  } finally {
    await rm(folder, { recursive: true });
  }
}

test("an ordinary user's Codex looks up nothing outside", { timeout: 60_000 }, async () => {
  expect(await lookUps("backend")).toEqual({ outcome: "done", names: [], requests: ["POST /openai/v1/responses", "POST /openai/v1/responses"] });
  // With Codex's own settings the name server hears of it: it would hear the backend's too.
  expect((await lookUps("bare")).names).toContain("chatgpt.com");
});

test.each(["off", "workspace-write", "read-only"])("Codex's own sandbox, %s, bounds its commands", async (ownSandbox) => {
  // Not under /tmp, which workspace-write leaves open.
  const outside = join("/var/tmp", `slipway-${randomUUID()}`);
  const shell = `echo 1 > inside.txt; echo 2 > ${outside}`;
  await using bench = await openBench({ turns: [{ steps: [{ shell }, { text: "Done." }] }] });
  expect(outcomeOf(await bench.run({ config: { ownSandbox } }))).toBe("done");
  expect(await readdir(bench.workspace)).toEqual(ownSandbox === "read-only" ? ["README.md"] : ["README.md", "inside.txt"]);
  expect(existsSync(outside)).toBe(ownSandbox === "off");
  await rm(outside, { force: true });
});
