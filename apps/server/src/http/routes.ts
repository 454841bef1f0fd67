import { type Endpoint, errorBodySchema } from "@slipway/protocol/endpoint";
import { ENDPOINTS, type EndpointName, PUBLIC_ENDPOINTS } from "@slipway/protocol/endpoints";
import { SlipwayError } from "@slipway/protocol/errors";
import { JOB_IMAGES_MAX } from "@slipway/protocol/job-images";
import { idSchema, jobReferenceSchema } from "@slipway/protocol/scalars";
import type { FastifyInstance, FastifyReply, FastifyRequest, RouteOptions } from "fastify";
import { z } from "zod";
import { artifactNameSchema } from "../artifacts/artifact-folder.ts";
import { actorOf } from "./audit-failures.ts";
import { type Access, requireRole } from "./auth.ts";
import { BODY_LIMITS, DEFAULT_BODY_LIMIT_BYTES } from "./body-limits.ts";
import type { Call, Handler, Handlers } from "./call.ts";

/** Parameters of paths by name. A `job` may be an id or a number, a `repo` an id or a name. */
const PARAMETERS: Record<string, z.ZodType> = {
  job: jobReferenceSchema,
  repo: z.string().min(1).max(200),
  fence: z.coerce.number().int().positive(),
  name: artifactNameSchema,
  image: z.coerce.number().int().min(1).max(JOB_IMAGES_MAX),
  worker: idSchema,
  completion: idSchema,
  call: idSchema,
  token: idSchema,
};

/** Endpoints whose answer is not JSON; their handlers send it themselves. */
const OTHER_ANSWERS: { readonly [N in EndpointName]?: string } = {
  jobDiff: "text/plain",
  getJobImage: "application/octet-stream",
  getArtifact: "application/octet-stream",
};

/** Extra options of single routes, such as the WebSocket half of the events. */
export type RouteExtras = { readonly [N in EndpointName]?: Partial<RouteOptions> };

/** Makes a route of every endpoint of the table. */
export function addRoutes(app: FastifyInstance, access: Access, handlers: Handlers, extras: RouteExtras): void {
  app.decorateRequest("token", null);
  app.decorateRequest("sessionSecret", null);
  for (const [key, endpoint] of Object.entries(ENDPOINTS)) {
    const name = key as EndpointName;
    app.route({
      method: endpoint.method,
      url: endpoint.path.replace(/\{(\w+)\}/g, ":$1"),
      schema: schemaOf(name, endpoint),
      config: { endpoint: name },
      bodyLimit: BODY_LIMITS[name] ?? DEFAULT_BODY_LIMIT_BYTES,
      ...(PUBLIC_ENDPOINTS.includes(name) ? {} : { onRequest: requireRole(access, endpoint.roles) }),
      handler: async (request, reply) => await answer(handlers[name] as Handler<EndpointName>, request, reply),
      ...extras[name],
    });
  }
}

async function answer(handler: Handler<EndpointName>, request: FastifyRequest, reply: FastifyReply): Promise<unknown> {
  const result = await handler(callOf(request, reply) as Call<EndpointName>);
  return result ?? reply;
}

function schemaOf(name: EndpointName, endpoint: Endpoint): Record<string, unknown> {
  const answerType = OTHER_ANSWERS[name];
  const parameters = [...endpoint.path.matchAll(/\{(\w+)\}/g)].map(([, parameter]) => parameter as string);
  return {
    operationId: name,
    summary: endpoint.summary,
    tags: [endpoint.path.split("/")[2]],
    ...(PUBLIC_ENDPOINTS.includes(name) ? { security: [] } : { description: `Roles: ${["admin", ...endpoint.roles].join(", ")}.` }),
    ...(parameters.length > 0 ? { params: z.object(Object.fromEntries(parameters.map((parameter) => [parameter, PARAMETERS[parameter] ?? z.string()]))) } : {}),
    ...(endpoint.query ? { querystring: endpoint.query } : {}),
    ...(endpoint.body ? { body: endpoint.body } : {}),
    response: {
      200: answerType ? { description: endpoint.summary, content: { [answerType]: { schema: endpoint.response } } } : endpoint.response,
      "4xx": errorBodySchema,
      "5xx": errorBodySchema,
    },
  };
}

function callOf(request: FastifyRequest, reply: FastifyReply): Call<EndpointName> {
  return {
    params: request.params as never,
    query: request.query as never,
    body: request.body as never,
    request,
    reply,
    baseUrl: `${request.protocol}://${request.headers.host ?? ""}`,
    get token() {
      if (!request.token) throw new SlipwayError("UNAUTHENTICATED");
      return request.token;
    },
    get by() {
      if (!request.token) throw new SlipwayError("UNAUTHENTICATED");
      return actorOf(request, request.token);
    },
    get signal() {
      return closeSignal(reply);
    },
  };
}

/** Aborts when the connection closes before the answer is out. */
export function closeSignal(reply: FastifyReply): AbortSignal {
  const controller = new AbortController();
  reply.raw.once("close", () => {
    if (!reply.raw.writableFinished) controller.abort();
  });
  return controller.signal;
}
