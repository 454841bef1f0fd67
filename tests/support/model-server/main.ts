#!/usr/bin/env node
import { readFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { parse } from "yaml";
import { NAMED_SCENARIOS } from "./named-scenarios.ts";
import { type Scenario, type ScenarioInput, scenarioOf } from "./scenario.ts";
import { startModelServer } from "./server.ts";

const HELP = `A model server that does what a scenario says, on 127.0.0.1.

usage: node tests/support/model-server/main.ts, or slipway-model-server where it is installed [--port N] [--scenario NAME|FILE] [--key KEY] [--model NAME]...

  --port N         port; 0, the default, takes any free one
  --scenario X     a name of those below (default: edit), or a YAML file
  --key KEY        requests must carry this key; others get 401
  --model NAME     a name for GET /models; may be repeated
  --quiet          tell nothing of the requests

Prints {"baseUrl"} as one line of JSON, then a line for each request. Speaks OpenAI Responses and Chat Completions, Anthropic Messages and Gemini, streaming
and not, under every path that ends like theirs: <baseUrl>/v1 will do. Ends on SIGINT.

scenarios:
${Object.entries(NAMED_SCENARIOS)
  .map(([name, { about }]) => `  ${name.padEnd(12)} ${about}`)
  .join("\n")}
`;

const { values } = parseArgs({
  options: {
    port: { type: "string", default: "0" },
    scenario: { type: "string", default: "edit" },
    key: { type: "string" },
    model: { type: "string", multiple: true },
    quiet: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});
if (values.help) process.stdout.write(HELP);
else await main();

async function main(): Promise<void> {
  const { key, model: models } = values;
  const scenario = NAMED_SCENARIOS[values.scenario]?.scenario ?? (await readScenario(values.scenario));
  const told: Scenario = (request) => {
    if (!values.quiet) say({ model: request.model, step: request.step, prompt: request.prompt.slice(-200) });
    return scenario(request);
  };
  const server = await startModelServer({ scenario: told, port: Number(values.port), ...(key === undefined ? {} : { key }), ...(models ? { models } : {}) });
  say({ baseUrl: server.baseUrl });
}

async function readScenario(file: string): Promise<Scenario> {
  try {
    return scenarioOf(parse(await readFile(file, "utf8")) as ScenarioInput);
  } catch (error) {
    process.stderr.write(`--scenario ${file}: it is neither a name that --help lists nor a sound scenario file: ${(error as Error).message}\n`);
    process.exit(2);
  }
}

function say(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}
