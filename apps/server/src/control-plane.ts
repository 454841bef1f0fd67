import type { KeyObject } from "node:crypto";
import type { DayBudget } from "@slipway/protocol/budget";
import type { EffectiveConfig } from "@slipway/protocol/effective-config";
import type { HostCredentials } from "@slipway/protocol/forge-settings";
import type { JobDefaults } from "@slipway/protocol/installation-config";
import type { Logger } from "pino";
import type { ArtifactFolder } from "./artifacts/artifact-folder.ts";
import type { Cassettes } from "./artifacts/cassettes.ts";
import type { JobImageFolder } from "./artifacts/job-image-folder.ts";
import type { Refusals } from "./audit/refusals.ts";
import type { ChangeFeed } from "./changes/change-feed.ts";
import type { WaitingRoom } from "./claims/waiting-room.ts";
import type { DataFolder } from "./data-folder.ts";
import type { EventBus } from "./events/event-bus.ts";
import type { StreamTimes } from "./events/stream-times.ts";
import type { ForgeRegistry } from "./forges/forges.ts";
import type { Sessions } from "./http/sessions.ts";
import type { TokenCache } from "./http/token-cache.ts";
import type { Deliveries } from "./landing/delivery/duty.ts";
import type { DeliveryTimes } from "./landing/delivery/failed.ts";
import type { LeaseClock } from "./lease-clock.ts";
import type { Notifier } from "./notifications/duty.ts";
import type { CircuitWatch } from "./routing/circuit-watch.ts";
import type { Store } from "./store/store.ts";
import type { WorkerDirectory } from "./workers/worker-directory.ts";
import type { WorkerSignals } from "./workers/worker-signals.ts";

/** Version that the server tells of itself. */
export const SERVER_VERSION = "0.1.0";

/** Everything that the routes and background duties share: the parts of one running server. */
export interface ControlPlane {
  readonly store: Store;
  readonly log: Logger;
  readonly folder: DataFolder;
  /** Key of the git credentials that claims get; never leaves this process. */
  readonly credentialKey: KeyObject;
  readonly artifacts: ArtifactFolder;
  readonly cassettes: Cassettes;
  readonly jobImages: JobImageFolder;
  readonly events: EventBus;
  readonly streamTimes: StreamTimes;
  readonly tokens: TokenCache;
  /** Browsers that are signed in. */
  readonly sessions: Sessions;
  /** Tells pages what changed. */
  readonly changes: ChangeFeed;
  /** Folder of the built dashboard; there may be none in it. */
  readonly dashboard: string;
  /** Calls that were refused for want of a token or a role. */
  readonly refusals: Refusals;
  /** Claims of workers that wait for a job. */
  readonly jobRoom: WaitingRoom;
  /** Claims of integrators that wait for a completion. */
  readonly completionRoom: WaitingRoom;
  readonly workers: WorkerDirectory;
  readonly signals: WorkerSignals;
  /** Whether any backend gets no jobs for now. */
  readonly circuits: CircuitWatch;
  /** Git hosts, and their credentials. */
  readonly forges: ForgeRegistry;
  /** Names of secrets by host, for repositories that name none. */
  readonly hostCredentials: HostCredentials;
  /** Carries out what goes to repositories' own addresses. */
  readonly deliveries: Deliveries;
  readonly deliveryTimes: DeliveryTimes;
  /** Tells receivers elsewhere of jobs. */
  readonly notifier: Notifier;
  /** How often a young pull request is looked at, in ms. */
  readonly pullRequestPollMs: number;
  /** Completions whose landing a request is carrying out right now. */
  readonly landing: Set<string>;
  readonly leaseClock: LeaseClock;
  /** Told when something new may become due by time alone. */
  readonly scheduleChanged: () => void;
  /** Told when a change has come on its way to a branch, or the branch has moved. */
  readonly targetChanged: (repoId: string, target: string) => void;
  /** Told when a repository may have to be brought together with its own address sooner than by the clock; named: something of it is to be pushed now. */
  readonly upstreamChanged: (repoId?: string) => void;
  /** Aborts when the server closes; long polls then answer with what they have. */
  readonly closing: AbortSignal;
  /** What all jobs together may spend on models in a day. */
  readonly dayBudget: DayBudget;
  /** What jobs get that neither say it themselves nor have it from their repository. */
  readonly jobDefaults: JobDefaults;
  /** What the server runs with, and where each value came from. */
  readonly config: EffectiveConfig["values"];
  /** Origins of web pages that may call the API, besides the server's own. */
  readonly allowedOrigins: readonly string[];
  /** True where the server listens on a loopback address only: then the Host header must name it. */
  readonly loopbackOnly: boolean;
}
