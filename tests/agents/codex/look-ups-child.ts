/**
 * Inside a network of its own: one turn of Codex, by the backend or bare, with a name server that answers nobody. Prints how it ended, the names that were
 * looked for, and the requests to the model.
 */
import { execFile } from "node:child_process";
import { once } from "node:events";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { startDeafNameServer } from "../matrix/deaf-name-server.ts";
import { named, openBench, outcomeOf, TOKEN } from "./bench.ts";

const nameServer = await startDeafNameServer();
const bench = await openBench(named("edit"));
const outcome = process.argv[2] === "bare" ? await bareTurn() : outcomeOf(await bench.run());
const requests = bench.server.requests.all.map(({ method, path }) => `${method} ${path}`);
process.stdout.write(JSON.stringify({ outcome, names: [...nameServer.names], requests }));
await bench[Symbol.asyncDispose]();
nameServer.close();

/** With the model's address alone set. */
async function bareTurn(): Promise<string> {
  const provider = `model_providers.test={name="test",base_url="${bench.server.baseUrl}/v1",env_key="TEST_TOKEN",wire_api="responses"}`;
  const args = ["exec", "--json", "--skip-git-repo-check", "-c", 'model_provider="test"', "-c", provider, "Fix it."];
  const codexHome = join(bench.home, ".codex");
  await mkdir(codexHome);
  const env = { PATH: process.env["PATH"] ?? "", HOME: bench.home, CODEX_HOME: codexHome, TEST_TOKEN: TOKEN };
  const child = execFile("codex", args, { cwd: bench.workspace, env });
  child.stdin?.end();
  const [exitCode] = await once(child, "exit");
  return `exit ${exitCode}`;
}
