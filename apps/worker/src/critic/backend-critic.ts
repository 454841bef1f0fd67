import type { WorkerRepository } from "@slipway/git/repository";
import { removeWorkspace } from "@slipway/git/workspace";
import { SlipwayError } from "@slipway/protocol/errors";
import type { Manifest } from "@slipway/protocol/manifest";
import { newId } from "@slipway/protocol/scalars";
import type { AttemptContext } from "../attempt/context.ts";
import { jobEnvironment } from "../job/command.ts";
import { checkOut } from "../job/setup-layer.ts";
import type { Asker } from "./hear-critic.ts";

export interface BackendCritic {
  readonly manifest: Manifest;
  readonly config: Record<string, unknown>;
  readonly repository: WorkerRepository;
  /** The change that it judges. */
  readonly oid: string;
  /** Of the attempt's events; unique for this critic and commit. */
  readonly key: string;
}

/**
 * Gives a backend a place of its own: a workspace of the change's commit that it may only read, an empty home, and nothing of the job's agent. Both are gone
 * with the disposal. DISK_FULL, SANDBOX_UNAVAILABLE, WORKSPACE_FAILED.
 */
export async function openBackendCritic(context: AttemptContext, critic: BackendCritic): Promise<Asker> {
  const { manifest, repository, oid } = critic;
  const backend = manifest.name;
  await using opening = new AsyncDisposableStack();
  const side = opening.use(await context.sidePlace());
  const { workspace, home, spool, control } = side.place;
  opening.defer(() => removeWorkspace(repository, workspace));
  await checkOut(repository, { oid, from: "jobs" }, side, context.signal);
  const image = context.provider.images?.of(backend);
  const readOnly = [...context.toolchains, ...repository.upstreamObjects];
  const spec = {
    id: newId(),
    workspace,
    home,
    spool,
    control,
    readOnly,
    warmFor: backend,
    workspaceReadOnly: true,
    ...(image ? { image: image.imageId } : {}),
  };
  const sandbox = opening.use(await side.provider.start(spec, context.signal));
  const opened = opening.move();
  let turn = 0;
  return {
    async ask(prompt, signal) {
      turn += 1;
      const secrets = await context.secrets.read(backend);
      context.masks.learn(Object.values(secrets));
      const socket = sandbox.inside.gateway;
      const { model, job } = context.claim;
      const result = await sandbox.turn(
        {
          type: "turn",
          turnId: `critic-${turn}`,
          turn,
          backend,
          config: critic.config,
          prompt,
          readOnly: true,
          workspace: sandbox.inside.workspace,
          home: sandbox.inside.home,
          env: {
            ...jobEnvironment(context, sandbox, { portBase: context.ports.commandBase, network: "none" }),
            PATH: sandbox.inside.agentPath ?? sandbox.inside.path,
          },
          secrets,
          ...(manifest.capabilities.model && model && socket !== undefined ? { gateway: { socket, token: model.token } } : {}),
          timeoutMs: 86_400_000,
          stallMs: job.stallMs,
        },
        {
          afterOrdinal: 0,
          // What it says on its way is not the job's agent's; what it used is the job's.
          onEvent: async (ordinal, _at, event) => {
            if (event.kind === "usage") await context.events.emitOnce(`${critic.key}:usage-${turn}-${ordinal}`, event);
          },
          signal,
        },
      );
      if (result.status === "failed") throw new SlipwayError(result.failure.code, result.failure.message, result.failure.details);
      return result.finalText;
    },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}
