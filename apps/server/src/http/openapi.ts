import swagger from "@fastify/swagger";
import { ENDPOINTS } from "@slipway/protocol/endpoints";
import { SlipwayError } from "@slipway/protocol/errors";
import Fastify, { type FastifyInstance } from "fastify";
import { createJsonSchemaTransform } from "fastify-type-provider-zod";
import { SERVER_VERSION } from "../control-plane.ts";
import type { Access } from "./auth.ts";
import type { Handlers } from "./call.ts";
import { addRoutes } from "./routes.ts";
import { validateWithZod } from "./validation.ts";

/** Has the app describe its routes; to be called before they are made. */
async function describeRoutes(app: FastifyInstance): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: "3.1.0",
      info: {
        title: "Slipway",
        version: SERVER_VERSION,
        description: "The control plane's HTTP API. Every answer that is not 2xx carries a code of docs/errors.md.",
      },
      components: { securitySchemes: { token: { type: "http", scheme: "bearer" } } },
      security: [{ token: [] }],
    },
    transform: createJsonSchemaTransform({ zodToJsonConfig: { unrepresentable: "any" } }),
  });
}

/** The OpenAPI description of the whole API, made without a store and without listening. */
export async function openApiDocument(): Promise<object> {
  const app = Fastify();
  app.setValidatorCompiler(validateWithZod);
  app.setSerializerCompiler(() => JSON.stringify);
  await describeRoutes(app);
  const refuse = async (): Promise<never> => {
    throw new SlipwayError("INTERNAL", "This app only describes the API.");
  };
  const handlers = Object.fromEntries(Object.keys(ENDPOINTS).map((name) => [name, refuse])) as unknown as Handlers;
  addRoutes(app, { tokens: { find: refuse }, sessions: {} } as unknown as Access, handlers, {});
  await app.ready();
  const document = app.swagger();
  await app.close();
  return document;
}
