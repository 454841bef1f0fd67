import { SlipwayError } from "@slipway/protocol/errors";
import type { BrokenBackend } from "@slipway/protocol/manifest";
import { nearestKey } from "@slipway/protocol/nearest-key";
import { z } from "zod";
import type { Store } from "../store/store.ts";
import type { WorkerSignals } from "../workers/worker-signals.ts";

/** A worker that has a backend says so in its capabilities: `backend:<name>`. */
const CAPABILITY = "backend:";

/**
 * Checks a job's backend and its settings against the manifests that workers registered, so that a typing error shows at submit and not in an attempt.
 * BACKEND_NOT_INSTALLED where there are workers and none has the backend, BACKEND_BROKEN where one has it and cannot load it; before the first worker came the
 * job may wait for one. The runner checks the settings again.
 */
export async function checkBackendConfig(store: Store, reports: WorkerReports, backend: string, config: Record<string, unknown>): Promise<void> {
  const workers = await store.listWorkers();
  const manifests = workers.toSorted((a, b) => b.lastSeenAt - a.lastSeenAt).flatMap((worker) => worker.backends);
  const installed = workers.flatMap(({ capabilities }) => capabilities.filter((name) => name.startsWith(CAPABILITY)));
  if (workers.length > 0 && !installed.includes(CAPABILITY + backend)) {
    const broken = workers.flatMap(({ id, name }) => reports.reportOf(id).brokenBackends.map((one) => ({ ...one, worker: name })));
    const found = broken.find(({ name }) => name === backend);
    if (found) throw brokenBackend(found);
    const known = [...new Set(installed.map((name) => name.slice(CAPABILITY.length)))].sort();
    const near = nearestKey(backend, known);
    const meant = near === undefined ? "" : `Did you mean ${near}? `;
    const hint = known.length > 0 ? `${meant}Choose one of: ${known.join(", ")}.` : "Install a backend on a worker first.";
    throw new SlipwayError("BACKEND_NOT_INSTALLED", `No worker has the backend ${backend}.`, { backend, known, hint });
  }
  const manifest = manifests.find(({ name }) => name === backend);
  const result = manifest && schemaOf(manifest.configSchema)?.safeParse(config);
  if (!result || result.success) return;
  const problems = result.error.issues.slice(0, 20).map((issue) => problemOf(deepest(issue), config));
  const [first] = problems;
  const hint = `Settings of the backend ${backend} are passed as --backend-config NAME=VALUE, or NAME=@FILE to read a file.`;
  throw new SlipwayError("INVALID_REQUEST", first && `${first.field}: ${first.expected}.`, {
    backend,
    ...first,
    ...(problems.length > 1 && { problems }),
    hint,
  });
}

type WorkerReports = Pick<WorkerSignals, "reportOf">;

function brokenBackend({ name, worker, package: packageName, file, problem, expected, remedy }: BrokenBackend & { worker: string }): SlipwayError {
  const message = `The backend ${name} (package ${packageName}) cannot be loaded on the worker ${worker}: ${file}: ${problem}. Expected ${expected}.`;
  const hint = `${remedy} Then restart the worker, and submit again.`;
  return new SlipwayError("BACKEND_BROKEN", message, { field: "backend", backend: name, worker, package: packageName, file, problem, expected, hint });
}

type Issue = z.core.$ZodIssue;

/** Of the ways in which a value fits no form of a union, the one that got furthest: it is what the person most likely meant. */
function deepest(issue: Issue): Issue {
  if (issue.code !== "invalid_union") return issue;
  const inner = issue.errors.flat().map((each) => deepest({ ...each, path: [...issue.path, ...each.path] }));
  return inner.reduce((best, each) => (each.path.length > best.path.length ? each : best), issue as Issue);
}

function problemOf(issue: Issue, config: Record<string, unknown>): { field: string; value: unknown; expected: string } {
  const value = issue.path.reduce<unknown>((at, key) => (at as Record<PropertyKey, unknown> | undefined)?.[key], config);
  const keys = issue.code === "unrecognized_keys" ? issue.keys.slice(0, 1) : [];
  return { field: ["backendConfig", ...issue.path, ...keys].join("."), value, expected: expectedOf(issue, value) };
}

function expectedOf(issue: Issue, value: unknown): string {
  if (issue.code === "unrecognized_keys") return "no such setting exists";
  if (value === undefined) return "is missing, and the backend needs it";
  return issue.message === "Invalid input" ? "does not have a form that the backend knows" : issue.message.replace(/^Invalid input: /, "");
}

/** By the schema's text: it comes anew from the store at each submit, and reading it takes some 10 ms. A fleet has few kinds of backends. */
const READ_LIMIT = 100;
const read = new Map<string, z.ZodType | undefined>();

function schemaOf(schema: Record<string, unknown>): z.ZodType | undefined {
  const text = JSON.stringify(schema);
  if (read.has(text)) return read.get(text);
  const [oldest] = read.keys();
  if (read.size >= READ_LIMIT && oldest !== undefined) read.delete(oldest);
  const made = toZod(schema);
  read.set(text, made);
  return made;
}

/** Undefined where the schema uses what zod cannot read: the runner's own check then stands alone. */
function toZod(schema: Record<string, unknown>): z.ZodType | undefined {
  try {
    return z.fromJSONSchema(schema as Parameters<typeof z.fromJSONSchema>[0]);
  } catch {
    return undefined;
  }
}
