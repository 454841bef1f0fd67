import cookie from "@fastify/cookie";
import websocket from "@fastify/websocket";
import { SlipwayError } from "@slipway/protocol/errors";
import Fastify, { type FastifyBaseLogger, type FastifyInstance, LogController } from "fastify";
import { serializerCompiler } from "fastify-type-provider-zod";
import { addChanges } from "../changes/change-socket.ts";
import type { ControlPlane } from "../control-plane.ts";
import { addHubRoutes } from "../hub/hub-routes.ts";
import { auditFailure } from "./audit-failures.ts";
import { DEFAULT_BODY_LIMIT_BYTES } from "./body-limits.ts";
import type { Handlers } from "./call.ts";
import { addDashboard } from "./dashboard.ts";
import { answerError, toKnownError } from "./errors.ts";
import { checkOrigin } from "./origin.ts";
import { accountHandlers } from "./routes/accounts.ts";
import { attemptHandlers } from "./routes/attempts.ts";
import { auditHandlers } from "./routes/audit.ts";
import { backendHandlers } from "./routes/backends.ts";
import { completionHandlers } from "./routes/completions.ts";
import { configHandlers } from "./routes/config.ts";
import { eventExtras, eventHandlers } from "./routes/events.ts";
import { gateHandlers } from "./routes/gates.ts";
import { jobHandlers } from "./routes/jobs.ts";
import { modelCallHandlers } from "./routes/model-calls.ts";
import { notificationHandlers } from "./routes/notifications.ts";
import { overviewHandlers } from "./routes/overview.ts";
import { repositoryHandlers } from "./routes/repositories.ts";
import { sessionHandlers } from "./routes/sessions.ts";
import { trainHandlers } from "./routes/trains.ts";
import { addWorkerSignals, workerHandlers } from "./routes/workers.ts";
import { addRoutes } from "./routes.ts";
import { validateWithZod } from "./validation.ts";

/** The largest frame that a client may send over a WebSocket, in bytes: none of ours expects any. */
const CLIENT_FRAME_LIMIT_BYTES = 4_096;

/** The whole HTTP side of the control plane; it does not listen by itself. */
export async function buildApp(plane: ControlPlane): Promise<FastifyInstance> {
  const app = Fastify({
    loggerInstance: plane.log as FastifyBaseLogger,
    // Two lines a request would be most of the log; what fails is logged by the error handler.
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: DEFAULT_BODY_LIMIT_BYTES,
    // Long polls and pushes take their time; what is open is ours to end.
    requestTimeout: 0,
    forceCloseConnections: "idle",
    routerOptions: { maxParamLength: 300 },
    // With factories of ours Fastify does not load its own; with the compilers below it never calls them.
    schemaController: { compilersFactory: { buildValidator: noCompiler, buildSerializer: noCompiler } },
  });
  app.setValidatorCompiler(validateWithZod);
  app.setSerializerCompiler(serializerCompiler);
  app.setErrorHandler(async (error, request, reply) => {
    const known = toKnownError(error, request);
    await auditFailure(plane, request, known.code);
    return answerError(error, known, request, reply);
  });
  app.setNotFoundHandler((request) => {
    throw new SlipwayError("NOT_FOUND", `There is no ${request.method} ${request.url.split("?")[0]}.`, { hint: "The API is described at /v1/openapi.json." });
  });
  // Before every hook of ours: it closes the sockets of upgrades that a later hook refuses.
  await app.register(websocket, { options: { maxPayload: CLIENT_FRAME_LIMIT_BYTES } });
  app.addHook("onRequest", async (request) => checkOrigin(request, plane));
  await app.register(cookie);
  app.addContentTypeParser("application/octet-stream", { parseAs: "buffer" }, (_request, body, done) => done(null, body));
  addRoutes(app, plane, handlersOf(plane), eventExtras(plane));
  addWorkerSignals(app, plane);
  addChanges(app, plane);
  let document: Promise<object> | undefined;
  app.get("/v1/openapi.json", async (_request, reply) => {
    // Made when somebody first asks: a server that nobody asks does without its memory.
    document ??= import("./openapi.ts").then(({ openApiDocument }) => openApiDocument());
    return await reply.serializer(JSON.stringify).send(await document);
  });
  await app.register(async (scope) => addHubRoutes(scope, plane));
  await app.register(async (scope) => await addDashboard(scope, plane.dashboard));
  return app;
}

function noCompiler(): never {
  throw new TypeError("a route has a schema that is not zod's");
}

function handlersOf(plane: ControlPlane): Handlers {
  return {
    ...accountHandlers(plane),
    ...sessionHandlers(plane),
    ...auditHandlers(plane),
    ...repositoryHandlers(plane),
    ...jobHandlers(plane),
    ...eventHandlers(plane),
    ...workerHandlers(plane),
    ...overviewHandlers(plane),
    ...configHandlers(plane),
    ...backendHandlers(plane),
    ...gateHandlers(plane),
    ...notificationHandlers(plane),
    ...trainHandlers(plane),
    ...attemptHandlers(plane),
    ...modelCallHandlers(plane),
    ...completionHandlers(plane),
  };
}
