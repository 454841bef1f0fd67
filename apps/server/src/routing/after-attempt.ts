import { ERRORS, type ErrorCode } from "@slipway/protocol/errors";
import type { JobView } from "@slipway/protocol/job";
import type { ControlPlane } from "../control-plane.ts";
import { announce } from "../jobs/announce.ts";
import { settleRoute } from "./settle-route.ts";

/** Jobs that are looked at when the circuit of their backend opens; the others when they are claimed for, or looked at next. */
const WAITING_LIMIT = 500;

/**
 * What follows the end of an attempt for the ways of jobs: the job itself goes on where its route leads now, and so do those that wait for the same backend,
 * where its circuit has opened. Everybody whom it concerns is told. `backend`: whose attempt it was; `code`: what it failed with.
 */
export async function afterAttempt(plane: ControlPlane, job: JobView, { backend, code }: { backend: string; code: ErrorCode | null }): Promise<JobView> {
  const wasOpen = plane.circuits.isAnyOpen;
  const isDown = code !== null && ERRORS[code].backend === "down";
  if (isDown || wasOpen) await plane.circuits.look();
  const settled = await settleRoute(plane, job);
  announce(plane, settled);
  if (isDown && plane.circuits.isAnyOpen) await moveOn(plane, backend);
  // One that closed lets in what waited, whoever asks next.
  if (wasOpen) plane.jobRoom.offerAny();
  return settled;
}

/** Jobs that wait for a backend take their fallback where its circuit is open. */
async function moveOn(plane: ControlPlane, backend: string): Promise<void> {
  const waiting = await plane.store.listJobs({ states: ["queued"], kinds: ["task"], backend, limit: WAITING_LIMIT });
  for (const job of waiting) {
    const settled = await settleRoute(plane, job);
    if (settled !== job) announce(plane, settled);
  }
}
