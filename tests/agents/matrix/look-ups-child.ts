/** Inside a network of its own: one turn of an agent, with a name server that answers nobody. Prints how it ended, who was looked for, and what it left. */
import { readdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { openAgentBench } from "./agent-bench.ts";
import type { AgentUnderTest } from "./agent-under-test.ts";
import { startDeafNameServer } from "./deaf-name-server.ts";
import { named, outcomeOf } from "./outcome.ts";

const [, , module = "", name = ""] = process.argv;
const agent = ((await import(module)) as Record<string, AgentUnderTest>)[name];
if (!agent) throw new Error(`${module} exports no ${name}`);

const nameServer = await startDeafNameServer();

const before = new Set(await readdir("/tmp"));
const bench = await openAgentBench(agent, "direct", named("edit"));
const own = dirname(bench.workspace);
const outcome = outcomeOf(await bench.run());
const left = (await readdir("/tmp")).filter((entry) => !before.has(entry) && join("/tmp", entry) !== own);
process.stdout.write(JSON.stringify({ outcome, names: [...nameServer.names], strays: left }));
await bench[Symbol.asyncDispose]();
nameServer.close();
