import type { RouteEntry, Routing } from "@slipway/protocol/routing";
import type { Database } from "./database.ts";
import type { JobTable } from "./tables.ts";

const SET_JOB = "UPDATE jobs SET backend = @backend, requires = @requires WHERE number = @number";
const SET_SPEC = "UPDATE job_specs SET backend_config = @config, routing = @routing WHERE job = @number";

/** Has the job stand at `routing.at`: its backend, that backend's settings, and the worker that it requires. */
export function setRoute(db: Database, { number, backend, requires }: JobTable, routing: Routing): RouteEntry {
  const entry = routing.route[routing.at];
  if (!entry) throw new Error(`the route of job ${number} has no stop ${routing.at}`);
  const others = (JSON.parse(requires) as string[]).filter((name) => name !== `backend:${backend}`);
  db.run(SET_JOB, { number, backend: entry.backend, requires: JSON.stringify([...new Set([...others, `backend:${entry.backend}`])]) });
  db.run(SET_SPEC, { number, config: JSON.stringify(entry.config), routing: JSON.stringify(routing) });
  return entry;
}
