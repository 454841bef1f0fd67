import { createHash } from "node:crypto";
import type { RepositoryConfig } from "./repository-config.ts";

/**
 * SHA-256 of what a setup is asked to do, and of what it and the gates may reach; of nothing where there is no setup and nothing to reach. A receipt counts
 * only for the setup that it was made with.
 */
export function setupDigest({ setup, egress }: Pick<RepositoryConfig, "setup" | "egress">): string {
  const lists = [...(egress.setup === undefined ? [] : [{ setup: egress.setup }]), ...(egress.gates.length === 0 ? [] : [{ gates: egress.gates }])];
  const kept = setup.outputs.length === 0 ? [] : [{ inputs: setup.inputs ?? null, outputs: setup.outputs }];
  const steps = setup.commands.length === 0 ? [] : [setup.commands, setup.network, setup.timeoutSeconds, ...kept];
  const text = steps.length + lists.length === 0 ? "" : JSON.stringify([...steps, ...lists]);
  return createHash("sha256").update(text).digest("hex");
}
