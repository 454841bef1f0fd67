import { z } from "zod";
import { cassetteCallSchema, cassetteSchema } from "./cassette.ts";
import type { Endpoint } from "./endpoint.ts";
import { registeredGatewaySchema, registerGatewaySchema, reserveCallSchema, reservedCallSchema, settleCallSchema } from "./gateway-api.ts";

/** The endpoints that a gateway calls, apart from the table that they are a part of: so a gateway does without the schemas of all others. */
export const GATEWAY_ENDPOINTS = {
  registerGateway: {
    method: "POST",
    path: "/v1/gateways",
    roles: ["gateway"],
    summary: "Register a gateway, at every start.",
    body: registerGatewaySchema,
    response: registeredGatewaySchema,
  },
  reserveModelCall: {
    method: "POST",
    path: "/v1/model-calls",
    roles: ["gateway"],
    summary: "Reserve what a model call may cost; BUDGET_EXCEEDED where that is not left.",
    body: reserveCallSchema,
    response: reservedCallSchema,
  },
  settleModelCall: {
    method: "POST",
    path: "/v1/model-calls/{call}/settle",
    roles: ["gateway"],
    summary: "Tell what a model call did cost.",
    body: settleCallSchema,
    response: z.object({}),
  },
  recordModelCall: {
    method: "POST",
    path: "/v1/model-calls/{call}/recording",
    roles: ["gateway"],
    summary: "Keep a call on its attempt's cassette; PAYLOAD_TOO_LARGE where that is full.",
    body: cassetteCallSchema,
    response: z.object({}),
  },
  replayedCassette: {
    method: "GET",
    path: "/v1/model-calls/{call}/cassette",
    roles: ["gateway"],
    summary: "The cassette that answers the calls of this call's attempt; NOT_FOUND where it is no longer kept.",
    response: cassetteSchema,
  },
} as const satisfies Record<string, Endpoint>;
