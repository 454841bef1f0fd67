/**
 * Inside a network of its own: one turn of Codex, by the backend or bare, with a name server that answers nobody. Prints how it ended, the names that were
 * looked for, and the requests to the model.
 */
import { execFile } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { named, openBench, outcomeOf, TOKEN } from "./bench.ts";

const REFUSED = 5;

const names = new Set<string>();
const nameServer = createSocket("udp4");
nameServer.on("message", (query, from) => {
  names.add(questionOf(query));
  const answer = Buffer.from(query);
  answer.writeUInt16BE(0x8180 | REFUSED, 2);
  nameServer.send(answer, from.port, from.address);
});
nameServer.bind(53, "127.0.0.1");
await once(nameServer, "listening");

const bench = await openBench(named("edit"));
const outcome = process.argv[2] === "bare" ? await bareTurn() : outcomeOf(await bench.run());
const requests = bench.server.requests.all.map(({ method, path }) => `${method} ${path}`);
process.stdout.write(JSON.stringify({ outcome, names: [...names], requests }));
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

/** The name in a query's question (RFC 1035, section 4.1.2). */
function questionOf(query: Buffer): string {
  const labels: string[] = [];
  for (let at = 12, length = query[at] ?? 0; length > 0; length = query[at] ?? 0) {
    labels.push(query.toString("latin1", at + 1, at + 1 + length));
    at += length + 1;
  }
  return labels.join(".");
}
