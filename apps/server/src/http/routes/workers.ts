import { WORKER_SIGNALS_PATH } from "@slipway/protocol/endpoints";
import { idSchema } from "@slipway/protocol/scalars";
import { LEASE_RENEW_MS, LEASE_TTL_MS } from "@slipway/protocol/worker-api";
import type { FastifyInstance } from "fastify";
import { z } from "zod";
import type { ControlPlane } from "../../control-plane.ts";
import { takeReport } from "../../routing/agents-changed.ts";
import { requireRole } from "../auth.ts";
import type { Handlers } from "../call.ts";
import { closeWhenRevoked } from "../close-when-revoked.ts";

type Names = "registerWorker" | "listWorkers" | "drainWorker" | "cordonWorker" | "uncordonWorker" | "holdWorker" | "reportWorker";

/** Workers as such: register, list, drain, cordon. */
export function workerHandlers(plane: ControlPlane): Pick<Handlers, Names> {
  return {
    registerWorker: async ({ body }) => {
      await plane.workers.register(body);
      const live = await plane.store.liveLeases(body.workerId);
      return { installationId: plane.store.installationId, leaseTtlMs: LEASE_TTL_MS, leaseRenewMs: LEASE_RENEW_MS, live };
    },
    listWorkers: async () => {
      const workers = await plane.store.listWorkers();
      const { signals } = plane;
      return {
        workers: workers.map((worker) => ({
          ...worker,
          connected: signals.isConnected(worker.id),
          held: signals.heldBy(worker.id),
          ...signals.reportOf(worker.id),
        })),
      };
    },
    holdWorker: async ({ params, body }) => {
      await plane.workers.get(params.worker);
      plane.signals.hold(params.worker, body.reason);
      return {};
    },
    reportWorker: async ({ params, body }) => {
      await plane.workers.get(params.worker);
      await takeReport(plane, params.worker, body);
      return {};
    },
    cordonWorker: async ({ params, body, by }) => {
      const cordon = await plane.workers.cordon(params.worker, body.reason ?? null, by);
      // Its claims that wait go home: they come back, and wait for nothing from then on.
      plane.jobRoom.dismiss(params.worker);
      return cordon;
    },
    uncordonWorker: async ({ params, by }) => {
      const wasCordoned = await plane.workers.uncordon(params.worker, by);
      // The same: they come back, and take what there is.
      plane.jobRoom.dismiss(params.worker);
      return { wasCordoned };
    },
    drainWorker: async ({ params, by }) => {
      await plane.workers.setDraining(params.worker, true, by);
      plane.signals.send(params.worker, { type: "drain" });
      return {};
    },
  };
}

/** The WebSocket over which a worker hears of revoked leases and drains. */
export function addWorkerSignals(app: FastifyInstance, plane: ControlPlane): void {
  app.route({
    method: "GET",
    url: WORKER_SIGNALS_PATH.replace(/\{(\w+)\}/g, ":$1"),
    schema: { hide: true, params: z.object({ worker: idSchema }) },
    onRequest: requireRole(plane, ["worker"]),
    // Unknown workers are told before the upgrade.
    preHandler: async (request) => {
      await plane.workers.get((request.params as { worker: string }).worker);
    },
    handler: async (_request, reply) => await reply.status(426).header("upgrade", "websocket").send(),
    wsHandler: async (socket, request) => {
      const { worker } = request.params as { worker: string };
      closeWhenRevoked(plane.tokens, request.token, socket);
      plane.signals.add(worker, socket, () => {
        plane.store.touchWorker(worker).catch((error: unknown) => plane.log.warn({ err: error, workerId: worker }, "the worker's sign of life was not noted"));
      });
      socket.once("close", () => {
        // Silent for two pings: its open claims may be a frozen process's. One that is alive asks again at once.
        if (!plane.signals.isConnected(worker)) plane.jobRoom.dismiss(worker);
      });
      if ((await plane.workers.get(worker)).draining) plane.signals.send(worker, { type: "drain" });
    },
  });
}
