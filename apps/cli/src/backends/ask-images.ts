import { toSlipwayError } from "@slipway/protocol/errors";
import type { ProbeResult } from "@slipway/protocol/manifest";
import type { SandboxKind } from "@slipway/protocol/sandbox-kind";
import { readInstallation } from "../configuration/installation.ts";
import { INSTALL_ROOT } from "../images/known-images.ts";
import { runtimeFolder } from "../stack/data-folder.ts";
import { describeBackends, probeBackends, type RunnerAnswer } from "./ask-runner.ts";

/** What each backend's probe says where its jobs run: in its image with `sandbox: docker`, on this machine else. */
export async function probeWhereJobsRun(data: string, sandbox: SandboxKind): Promise<RunnerAnswer<ProbeResult[]>> {
  return sandbox === "docker" ? await probeInImages(data) : await probeBackends(data);
}

/** The kind of sandbox that the workers of this data folder have, where a person has said so. */
export async function configuredSandbox(data: string): Promise<SandboxKind> {
  // What is wrong with the file is told by the check of the configuration.
  const worker = await readInstallation(data).then(
    (installation) => installation.worker,
    () => undefined,
  );
  return worker?.sandbox ?? "bwrap";
}

async function probeInImages(data: string): Promise<RunnerAnswer<ProbeResult[]>> {
  const described = await describeBackends(data);
  if (!described.ok) return described;
  const { chooseImage, imagesOfBackend } = await import("@slipway/images/engine/choose-image");
  const { connectEngine } = await import("@slipway/images/engine/engine");
  const { probeImage } = await import("@slipway/images/engine/probe-image");
  const { imageVersion } = await import("@slipway/images/references");
  try {
    const [engine, { worker }] = await Promise.all([connectEngine(), readInstallation(data)]);
    const version = imageVersion(INSTALL_ROOT);
    const value: ProbeResult[] = [];
    for (const { name: backend } of described.value) {
      const names = worker.image === undefined ? imagesOfBackend(backend, version) : [worker.image];
      const { found, passedOver } = await chooseImage(engine, names, INSTALL_ROOT);
      const remedy = `slipway images build ${worker.image === undefined ? backend : ""}`.trim();
      if (!found) {
        value.push({ backend, ok: false, tried: names.join(", "), found: passedOver.join("; ") || "the engine has none of these images", remedy });
        continue;
      }
      const probed = (await probeImage(engine, found.info.Id, runtimeFolder(data))).find((one) => one.backend === backend);
      const { ok, tried, found: words } = probed ?? { ok: true, tried: "runner probe", found: "its code is in the folder of further backends: not tried here" };
      const more = passedOver.length === 0 ? "" : ` (not used: ${passedOver.join("; ")})`;
      value.push({ backend, ok, tried: `${tried} in ${found.name}`, found: `${words}, in ${found.name}${more}`, remedy });
    }
    return { ok: true, value };
  } catch (error) {
    return { ok: false, found: toSlipwayError(error).message };
  }
}
