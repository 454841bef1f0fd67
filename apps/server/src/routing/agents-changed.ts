import type { WorkerReport } from "@slipway/protocol/worker-api";
import type { ControlPlane } from "../control-plane.ts";
import { announce } from "../jobs/announce.ts";
import { settleRoute } from "./settle-route.ts";

/** Jobs that are looked at at once; the others when they are claimed for. */
const WAITING_LIMIT = 500;

/** Keeps a worker's report. Where other agents are there now than before, jobs that wait go where they can be done, and the worker is given what it can do. */
export async function takeReport(plane: ControlPlane, workerId: string, report: WorkerReport): Promise<void> {
  const before = agentsIn(plane.signals.reportOf(workerId));
  plane.signals.report(workerId, report);
  if (agentsIn(plane.signals.reportOf(workerId)) === before) return;
  // Its open claims wait for what it could do before.
  plane.jobRoom.dismiss(workerId);
  for (const job of await plane.store.listJobs({ states: ["queued"], kinds: ["task"], limit: WAITING_LIMIT })) {
    const settled = await settleRoute(plane, job);
    if (settled !== job) announce(plane, settled);
  }
  plane.jobRoom.offerAny();
}

function agentsIn({ agents, images }: WorkerReport): string {
  return JSON.stringify([agents.map(({ backend, ok }) => [backend, ok]), images.map(({ backend, agent }) => [backend, agent?.ok])]);
}
