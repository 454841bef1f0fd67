import type { TokenView } from "@slipway/protocol/accounts";
import { AUDITED_ENDPOINTS, type AuditedEndpoint, type AuditObjectKind } from "@slipway/protocol/audit";
import type { EndpointName } from "@slipway/protocol/endpoints";
import type { ErrorCode } from "@slipway/protocol/errors";
import type { FastifyRequest } from "fastify";
import type { ControlPlane } from "../control-plane.ts";
import type { Actor } from "../store/store.ts";

declare module "fastify" {
  interface FastifyContextConfig {
    /** The endpoint of the table; missing where a route is none. */
    readonly endpoint?: EndpointName;
  }
}

/** Which parameter of a path names the thing that an audited endpoint is about. */
const OBJECTS: ReadonlyArray<readonly [parameter: string, kind: AuditObjectKind]> = [
  ["job", "job"],
  ["repo", "repository"],
  ["worker", "worker"],
  ["token", "token"],
  ["backend", "backend"],
];

/** Who calls, for the audit. */
export function actorOf(request: FastifyRequest, { id, name, role }: TokenView): Actor {
  return { tokenId: id, tokenName: name, role, address: request.ip };
}

/**
 * Keeps a call that ended with an error: without a good token or role it is counted, whatever it asked for; of the others those that would have changed
 * something. The caller gets the error all the same where that cannot be written.
 */
export async function auditFailure(plane: Pick<ControlPlane, "store" | "refusals" | "log">, request: FastifyRequest, code: ErrorCode): Promise<void> {
  const { endpoint } = request.routeOptions.config;
  if (endpoint === undefined) return;
  if (code === "FORBIDDEN" || code === "UNAUTHENTICATED") {
    const token = request.token ? actorOf(request, request.token) : null;
    plane.refusals.count({ action: endpoint, token, address: request.ip, outcome: code, count: 1 });
  } else if (isAudited(endpoint) && request.token) {
    const entry = { action: endpoint, by: actorOf(request, request.token), object: objectOf(request), outcome: code };
    await plane.store
      .recordAudit(entry)
      .catch((error: unknown) => plane.log.error({ err: error, endpoint, code }, "a refused call could not be written to the audit"));
  }
}

function isAudited(endpoint: EndpointName): endpoint is AuditedEndpoint {
  return (AUDITED_ENDPOINTS as readonly EndpointName[]).includes(endpoint);
}

/** Of a path's parameters, which may be anything here: the error may be that they are not well formed. */
function objectOf(request: FastifyRequest): { kind: AuditObjectKind; key: string } | null {
  const params = request.params as Readonly<Record<string, unknown>>;
  for (const [parameter, kind] of OBJECTS) {
    const key = params[parameter];
    if (typeof key === "string") return { kind, key: key.slice(0, 200) };
  }
  return null;
}
