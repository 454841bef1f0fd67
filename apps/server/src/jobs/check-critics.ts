import { SlipwayError } from "@slipway/protocol/errors";
import { REPOSITORY_CONFIG_FILE, type RepositoryConfig } from "@slipway/protocol/repository-config";
import type { ControlPlane } from "../control-plane.ts";
import { checkAbilities } from "./backend-abilities.ts";
import { checkBackendConfig } from "./backend-config.ts";

/**
 * What the repository's critics require of a worker: its backends, so that a job does not find out behind its agent's work that nobody can judge it.
 * INVALID_CONFIG, naming the field of .slipway.yaml, where one of them cannot be a critic; BACKEND_NOT_INSTALLED and BACKEND_BROKEN as for any backend.
 */
export async function checkCritics(plane: ControlPlane, critic: RepositoryConfig["critic"]): Promise<string[]> {
  const required: string[] = [];
  for (const [index, { name, backend, config = {} }] of (critic?.critics ?? []).entries()) {
    if (backend === undefined) continue;
    try {
      await checkBackendConfig(plane.store, plane.signals, backend, config);
      await checkAbilities(plane.store, backend, { readOnly: true, mcpServers: {}, permissions: "allow", images: [] });
    } catch (error) {
      if (!(error instanceof SlipwayError)) throw error;
      const field = `critic.critics[${index}].${isSetting(error) ? "config" : "backend"}`;
      const message = `${REPOSITORY_CONFIG_FILE}: the critic ${name}: ${error.message.replace(/^readOnly: /, "")}`;
      throw new SlipwayError(error.code === "INVALID_REQUEST" ? "INVALID_CONFIG" : error.code, message, { ...error.details, field, backend });
    }
    required.push(`backend:${backend}`);
  }
  return required;
}

function isSetting({ code, details }: SlipwayError): boolean {
  return code === "INVALID_REQUEST" && details["field"] !== "readOnly";
}
