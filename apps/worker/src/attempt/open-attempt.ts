import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { Claim } from "@slipway/protocol/worker-api";
import type { Logger } from "pino";
import type { JobPorts } from "../daemon/job-ports.ts";
import type { LeaseHold } from "../daemon/leases.ts";
import { OwnedProvider } from "../daemon/owned-provider.ts";
import { makePlace, type Place, placeAt, readRecords } from "../daemon/places.ts";
import { removeOwned } from "../daemon/remove-owned.ts";
import type { WarmSandbox } from "../daemon/warm.ts";
import type { WarmShape } from "../daemon/warm-shape.ts";
import { monotonicNowMs } from "../sandbox/lease-file.ts";
import type { BackendImage, Sandbox } from "../sandbox/sandbox.ts";
import { Masks } from "../secrets/masks.ts";
import { AgentSandbox } from "./agent-sandbox.ts";
import { type AttemptState, attemptFolder, BOOT_ID, writeAttemptState } from "./attempt-state.ts";
import type { AttemptContext, AttemptPaths } from "./context.ts";
import { AttemptEvents } from "./event-sink.ts";
import { EventSpool } from "./event-spool.ts";
import { FileJournal } from "./journal.ts";
import type { AttemptServices } from "./services.ts";
import { openSidePlace } from "./side-place.ts";
import { SteerInbox } from "./steer-inbox.ts";
import { Uplink } from "./uplink.ts";
import { waitText } from "./wait-text.ts";

/** Everything that one attempt holds while it runs. */
export interface OpenAttempt {
  readonly claim: Claim;
  readonly context: AttemptContext;
  readonly inbox: SteerInbox;
  readonly paths: AttemptPaths;
  readonly place: Place;
  readonly keptHome: boolean;
  readonly provider: OwnedProvider;
  readonly journal: FileJournal;
  readonly spool: EventSpool;
  readonly events: AttemptEvents;
  readonly uplink: Uplink;
  readonly hold: LeaseHold;
  readonly ports: JobPorts;
  readonly abort: AbortController;
  /** Aborts where the attempt is no longer this worker's, `abort` with it. */
  readonly lost: AbortController;
  readonly log: Logger;
}

/** How an attempt is ended from outside. */
export type Endings = Pick<OpenAttempt, "abort" | "lost">;

/** The place that an attempt gets at its claim, before it is known what it will mount. */
interface Reservation {
  readonly takenUpAtMs: number;
  readonly place: Place;
  readonly keptHome: boolean;
  readonly provider: OwnedProvider;
  readonly image: BackendImage | undefined;
  readonly warm: WarmSandbox | undefined;
  readonly attached: Sandbox | undefined;
}

/** Reserves a place, writes the attempt's state to disk and opens journal and spool. `settled` is called when a killed worker would find it again. */
export async function openAttempt(
  services: AttemptServices,
  claim: Claim,
  hold: LeaseHold,
  endings: Endings,
  settled: () => Promise<void>,
): Promise<OpenAttempt> {
  const { folders } = services;
  const ports = await services.ports.take();
  const reservation = await reserve(services, claim, hold).catch((error: unknown) => {
    ports[Symbol.dispose]();
    throw error;
  });
  const root = attemptFolder(folders.attempts, claim.job.id, claim.fence);
  try {
    await mkdir(join(root, "work"), { recursive: true, mode: 0o700 });
    await writeAttemptState(root, {
      claim,
      placeId: reservation.place.id,
      home: reservation.keptHome ? "kept" : "fresh",
      turnPort: ports.turnBase,
      bootId: BOOT_ID,
    });
    await settled();
    return await assemble(services, claim, hold, endings, { ...reservation, ports }, false);
  } catch (error) {
    // Such as a full disk: what was reserved must not wait for the worker's next start.
    await reservation.provider.endAll();
    ports[Symbol.dispose]();
    await services.workspaces.removePlace(reservation.place);
    await removeOwned(root, folders.attempts);
    throw error;
  }
}

/** Takes an attempt of an earlier worker process up again, with its sandbox where that still runs. */
export async function reopenAttempt(services: AttemptServices, state: AttemptState, hold: LeaseHold, endings: Endings): Promise<OpenAttempt> {
  const takenUpAtMs = monotonicNowMs();
  const place = placeAt(services.folders.sandboxes, state.placeId);
  const provider = new OwnedProvider(services.provider, place.records, hold);
  if (state.home === "kept") await services.homes.retake(state.claim.job.id);
  let attached: Sandbox | undefined;
  for (const record of await readRecords(place)) {
    // Only the agent's sandbox goes on; others served one step, which is done anew.
    attached ??= record.spec.workspace === place.workspace ? await provider.attach(record) : undefined;
    if (attached?.record.spec.id !== record.spec.id) await provider.reclaim(record);
  }
  const reservation = { takenUpAtMs, place, keptHome: state.home === "kept", provider, image: imageOf(services, state.claim), warm: undefined, attached };
  const ports = state.turnPort === undefined ? await services.ports.take() : await services.ports.takeAgain(state.turnPort);
  return await assemble(services, state.claim, hold, endings, { ...reservation, ports }, true);
}

async function reserve(services: AttemptServices, claim: Claim, hold: LeaseHold): Promise<Reservation> {
  const { folders, homes, warm, warmMounts, provider } = services;
  const takenUpAtMs = monotonicNowMs();
  const keptHome = claim.job.kind === "task" && (await homes.take(claim.job.id)) !== undefined;
  const mounts = claim.job.kind === "task" && !keptHome ? warmMounts.of(claim.job.repo.id) : undefined;
  const image = imageOf(services, claim);
  const taken = mounts ? warm.take({ image, readOnly: mounts }) : undefined;
  if (taken) {
    await taken.provider.moveTo(hold);
    taken.handedOver();
    return { takenUpAtMs, place: taken.place, keptHome, provider: taken.provider, image, warm: taken, attached: undefined };
  }
  const place = await makePlace(folders.sandboxes);
  return { takenUpAtMs, place, keptHome, provider: new OwnedProvider(provider, place.records, hold), image, warm: undefined, attached: undefined };
}

async function assemble(
  services: AttemptServices,
  claim: Claim,
  hold: LeaseHold,
  endings: Endings,
  reservation: Reservation & { readonly ports: JobPorts },
  resumed: boolean,
): Promise<OpenAttempt> {
  const { client, homes } = services;
  const { takenUpAtMs, place, keptHome, provider, image, ports } = reservation;
  const log = services.log.child({ jobId: claim.job.id, job: claim.job.number, fence: claim.fence });
  const paths = pathsOf(services, claim, place, keptHome ? homes.path(claim.job.id) : place.home);
  const journal = await FileJournal.open(join(paths.root, "journal.jsonl"));
  const spool = await EventSpool.open(join(paths.root, "events.jsonl"));
  const uplink = new Uplink({ client, jobId: claim.job.id, fence: claim.fence, spool, log, resumed });
  const masks = new Masks([claim.hub.credential, ...(claim.model ? [claim.model.token] : [])]);
  const events = new AttemptEvents(spool, uplink, services.spoolLimitBytes, masks);
  const agent = new AgentSandbox({
    place,
    image,
    home: paths.home,
    provider,
    warm: reservation.warm,
    attached: reservation.attached,
    backend: claim.job.kind === "task" ? claim.job.backend : undefined,
    workspaceReadOnly: claim.job.readOnly,
    signal: endings.abort.signal,
    // Of the others it takes a fifth of a second.
    onWait: async (what) => {
      if (provider.kind !== "docker") return;
      const trouble = services.warm.troubles.find((one) => one.image === image?.name);
      await events.emitOnce(`sandbox:${what}`, { kind: "notice", data: { level: "info", text: waitText(what, image?.name, trouble) } });
    },
    onHandedOut: (readOnly, label) => {
      events.useRunner(label.slice(-12));
      if (claim.job.kind === "task")
        warmUpLike(
          services,
          claim.job,
          { image, readOnly, backend: claim.job.backend, ahead: { config: claim.job.backendConfig, permissions: claim.job.permissions } },
          log,
        );
    },
  });
  const inbox = new SteerInbox(() => {
    const text = "A message came when no turn of the agent could take it.";
    // Where the disk is full the attempt has failed by other writes already.
    events.emit({ kind: "notice", data: { level: "warning", text } }).catch((error: unknown) => log.warn({ err: error }, "an event could not be kept"));
  });
  const context: AttemptContext = {
    claim,
    manifest: services.manifests.find(({ name }) => claim.job.kind === "task" && name === claim.job.backend),
    manifestOf: (backend) => services.manifests.find(({ name }) => name === backend),
    gatewaySocket: services.gatewaySocket,
    paths,
    shared: services.workspaces.sharedBy(place),
    setupLayers: services.workspaces.setupLayersOf(place),
    sidePlace: () => openSidePlace(services, hold),
    client,
    provider,
    image,
    takenUpAtMs,
    resumed,
    journal,
    events,
    secrets: services.secrets,
    masks,
    log,
    signal: endings.abort.signal,
    lost: endings.lost.signal,
    agentSandbox: (readOnly, needs) => agent.get(readOnly, needs),
    toolchains: services.toolchains,
    keptHome,
    ports,
    egressPrivateHosts: services.egressPrivateHosts,
    inbox,
  };
  await mkdir(paths.repository, { recursive: true, mode: 0o700 });
  return { claim, context, inbox, paths, place, keptHome, provider, journal, spool, events, uplink, hold, ports, ...endings, log };
}

/** What the job's sandbox is made from; a verify job belongs to no backend, and its receipts are of the worker's own image. */
function imageOf({ provider }: AttemptServices, { job }: Claim): BackendImage | undefined {
  return job.kind === "task" ? provider.images?.of(job.backend) : undefined;
}

/** The next job will most likely be of this kind: from here on its sandbox starts in the background. */
function warmUpLike(services: AttemptServices, { repo, backend }: Claim["job"], shape: WarmShape, log: Logger): void {
  services.warm.want(shape);
  services.warmMounts
    .remember(repo.id, backend, shape.readOnly)
    .catch((error: unknown) => log.warn({ err: error }, "the mounts could not be remembered; a restarted worker warms up later"));
}

function pathsOf({ folders }: AttemptServices, claim: Claim, place: Place, home: string): AttemptPaths {
  const root = attemptFolder(folders.attempts, claim.job.id, claim.fence);
  return {
    root,
    workspace: place.workspace,
    home,
    spool: place.spool,
    control: place.control,
    work: join(root, "work"),
    repository: join(folders.repositories, claim.job.repo.id),
  };
}
