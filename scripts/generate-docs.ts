/**
 * Writes the pages that are made from the code: job states, errors, the HTTP API, all commands, all settings, JSON Schemas. `--check` writes nothing and fails where a page
 * on disk differs from what the code says.
 */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { CHANGES_PATH } from "@slipway/protocol/changes";
import type { Endpoint } from "@slipway/protocol/endpoint";
import { ENDPOINTS, PUBLIC_ENDPOINTS } from "@slipway/protocol/endpoints";
import { ERRORS, type ErrorRow } from "@slipway/protocol/errors";
import { eventBodySchema, eventFrameSchema } from "@slipway/protocol/events";
import { gatewayConfigSchema } from "@slipway/protocol/gateway-config";
import { installationConfigSchema } from "@slipway/protocol/installation-config";
import { jobDetailSchema, receiptSchema, submitJobSchema } from "@slipway/protocol/job";
import { manifestSchema } from "@slipway/protocol/manifest";
import { notificationSchema } from "@slipway/protocol/notifications";
import { repositoryConfigSchema } from "@slipway/protocol/repository-config";
import { runnerToWorkerSchema, workerToRunnerSchema } from "@slipway/protocol/runner-protocol";
import { stateDiagram } from "@slipway/protocol/state-diagram";
import { statementSchema } from "@slipway/protocol/statement";
import { TRANSITIONS } from "@slipway/protocol/states";
import { claimSchema, outcomeSchema } from "@slipway/protocol/worker-api";
import { z } from "zod";
import { openApiDocument } from "../apps/server/src/http/openapi.ts";
import { cliPage } from "./docs/cli-page.ts";
import { configurationPage } from "./docs/configuration-page.ts";
import { conformancePage } from "./docs/conformance-page.ts";

const NOTE = "<!-- Made by `npm run docs` from the code; change it there. -->";
const docs = join(import.meta.dirname, "..", "docs");

/** Message schemas that plugin authors and editors use, by file name. */
const SCHEMAS: Record<string, { schema: z.ZodType; io: "input" | "output" }> = {
  "repository-config": { schema: repositoryConfigSchema, io: "input" },
  "installation-config": { schema: installationConfigSchema, io: "input" },
  "gateway-config": { schema: gatewayConfigSchema, io: "input" },
  "submit-job": { schema: submitJobSchema, io: "input" },
  "job-detail": { schema: jobDetailSchema, io: "output" },
  "event-body": { schema: eventBodySchema, io: "output" },
  "event-frame": { schema: eventFrameSchema, io: "output" },
  notification: { schema: notificationSchema, io: "output" },
  statement: { schema: statementSchema, io: "output" },
  receipt: { schema: receiptSchema, io: "output" },
  claim: { schema: claimSchema, io: "output" },
  outcome: { schema: outcomeSchema, io: "output" },
  manifest: { schema: manifestSchema, io: "output" },
  "worker-to-runner": { schema: workerToRunnerSchema, io: "output" },
  "runner-to-worker": { schema: runnerToWorkerSchema, io: "output" },
};

function statesPage(): string {
  const rows = TRANSITIONS.map((t) => `| ${t.from} | ${t.on} | ${t.to} | ${t.by} | ${t.when} |`);
  return [
    NOTE,
    "# The states of a job",
    "",
    "`done`, `failed` and `cancelled` are final. A job that is tried again by a person after one of them is a new job that names the old one.",
    "",
    "```mermaid",
    stateDiagram(),
    "```",
    "",
    "| from | on | to | moved by | when |",
    "|---|---|---|---|---|",
    ...rows,
    "",
  ].join("\n");
}

function errorsPage(): string {
  const policies = {
    requeue: "the job is tried again, up to its `maxAttempts`, then fails with the code",
    final: "the job fails at once",
    person: "the job is blocked until a person acts",
    client: "not a job's ending: the caller mends the request",
  };
  const verdicts = {
    down: "it does not work: the job goes on with its next fallback, and it counts against the backend",
    unfit: "it cannot do this job: the next fallback, and nothing is held against it",
    works: "the agent did its part; what failed is the task's or the change's own",
  };
  const rows = Object.entries<ErrorRow>(ERRORS).map(
    ([code, row]) => `| \`${code}\` | ${row.status} | ${row.retry} | ${row.backend ?? ""} | ${row.message} | ${row.hint} |`,
  );
  return [
    NOTE,
    "# Errors",
    "",
    "Every failure has a code. What happens to a job that fails with it:",
    "",
    ...Object.entries(policies).map(([name, text]) => `- **${name}**: ${text}`),
    "",
    "What it says of the backend whose attempt ended so ([routing.md](routing.md)):",
    "",
    ...Object.entries(verdicts).map(([name, text]) => `- **${name}**: ${text}`),
    "",
    "| code | HTTP | then | backend | what happened | what to do |",
    "|---|---|---|---|---|---|",
    ...rows,
    "",
  ].join("\n");
}

function apiPage(): string {
  const rows = Object.entries<Endpoint>(ENDPOINTS).map(([name, endpoint]) => {
    const open = (PUBLIC_ENDPOINTS as readonly string[]).includes(name);
    const roles = open ? "anyone" : ["admin", ...endpoint.roles].join(", ");
    return `| \`${endpoint.method} ${endpoint.path}\` | ${endpoint.summary} | ${roles} |`;
  });
  return [
    NOTE,
    "# The HTTP API",
    "",
    "Bearer tokens; JSON in and out; errors as on [the errors page](errors.md). The whole of it with all shapes: [openapi.json](openapi.json), served at `/v1/openapi.json`.",
    "",
    `A WebSocket at \`${CHANGES_PATH}\` tells those who may read which jobs and which listings are other ones; frames, and how to go on behind a cursor: \`packages/protocol/src/changes.ts\`.`,
    "Browsers have a session in place of a token: [the dashboard](dashboard.md#who-may-what).",
    "",
    "| endpoint | what it does | roles |",
    "|---|---|---|",
    ...rows,
    "",
  ].join("\n");
}

async function pages(): Promise<Map<string, string>> {
  const json = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;
  const result = new Map([
    ["job-states.md", statesPage()],
    ["errors.md", errorsPage()],
    ["api.md", apiPage()],
    ["cli.md", cliPage(NOTE)],
    ["configuration.md", configurationPage(NOTE)],
    ["agents/conformance.md", conformancePage(NOTE)],
    ["openapi.json", json(await openApiDocument())],
  ]);
  for (const [name, { schema, io }] of Object.entries(SCHEMAS))
    result.set(join("schemas", `${name}.json`), json(z.toJSONSchema(schema, { io, unrepresentable: "any" })));
  return result;
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { check: { type: "boolean", default: false } } });
  const stale: string[] = [];
  for (const [name, text] of await pages()) {
    const file = join(docs, name);
    if (values.check) {
      const found = await readFile(file, "utf8").catch(() => undefined);
      if (found !== text) stale.push(name);
    } else {
      await mkdir(dirname(file), { recursive: true });
      await writeFile(file, text);
    }
  }
  if (stale.length > 0) {
    console.error(`docs differ from the code: ${stale.join(", ")}. Run \`npm run docs\` and commit the result.`);
    process.exitCode = 1;
  }
}

await main();
