import { z } from "zod";
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
} as const satisfies Record<string, Endpoint>;
