import type { WorkerView } from "@slipway/protocol/worker-api";
import { workspaceKindOf } from "@slipway/protocol/workspace-kind";
import { type Check, check } from "./check.ts";

/** How each worker makes its workspaces. Never wrong, as each kind makes the same ones: what a checkout of its own costs is time and room. */
export function checkWorkspaces(workers: readonly Pick<WorkerView, "name" | "capabilities">[]): Check {
  return check("worker", "workspaces", true, {
    tried: "how each connected worker makes its workspaces",
    found: workers.map(({ name, capabilities }) => `${name}: ${workspaceKindOf(capabilities) ?? "does not tell"}`).join("; "),
    lost: "",
    remedy: "",
  });
}
