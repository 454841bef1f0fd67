import type { Red } from "@slipway/protocol/acceptance";
import type { Role, TokenView } from "@slipway/protocol/accounts";
import type { AuditedEndpoint, AuditObjectKind } from "@slipway/protocol/audit";
import type { BackendView } from "@slipway/protocol/backend-view";
import type { DayBudget, DaySpending } from "@slipway/protocol/budget";
import type { CassetteMode, Replay } from "@slipway/protocol/cassette";
import type { CheckName } from "@slipway/protocol/checks";
import type { EndpointName } from "@slipway/protocol/endpoints";
import type { ReserveCall } from "@slipway/protocol/gateway-api";
import type { Budget, CompletionView, Failure, JobKind, JobView, Lane, Receipt } from "@slipway/protocol/job";
import type { JobImage } from "@slipway/protocol/job-images";
import type { LandingIdentity } from "@slipway/protocol/landing-author";
import type { LandingMode } from "@slipway/protocol/landing-modes";
import type { Manifest } from "@slipway/protocol/manifest";
import type { Overview, WaitingGroup } from "@slipway/protocol/overview";
import type { Continues } from "@slipway/protocol/revise";
import type { Circuit, Routing } from "@slipway/protocol/routing";
import type { SandboxKind } from "@slipway/protocol/sandbox-kind";
import type { TaskKind, TaskSpec } from "@slipway/protocol/task-kinds";
import type { McpServers, PermissionPolicy } from "@slipway/protocol/turn-settings";
import type { Cordon } from "@slipway/protocol/worker-api";

/** A job as it enters the store: everything resolved, nothing left to default. */
export interface NewJob {
  readonly id: string;
  readonly kind: JobKind;
  readonly repoId: string;
  readonly task: string;
  readonly title: string;
  readonly backend: string;
  readonly backendConfig: Record<string, unknown>;
  /** `allow` where it is missing. */
  readonly permissions?: PermissionPolicy;
  readonly mcpServers?: McpServers;
  /** False where it is missing. */
  readonly readOnly?: boolean;
  /** None where they are missing. Their bytes are kept already. */
  readonly images?: readonly JobImage[];
  /** Empty where it is missing. */
  readonly allowChecks?: readonly CheckName[];
  /** None where they are missing. */
  readonly criteria?: readonly string[];
  /** `develop` where it is missing. */
  readonly taskKind?: TaskKind;
  /** Empty where it is missing. */
  readonly taskSpec?: TaskSpec;
  /** How its backend was chosen, and what follows it; null, as where it is missing, for one that named a backend alone. */
  readonly routing?: Routing | null;
  /** `train` where it is missing. */
  readonly landing?: LandingMode;
  readonly ticket?: string | null;
  /** By their own word; null, as where it is missing, for who named nobody. */
  readonly submitter?: LandingIdentity | null;
  /** Id of the job whose branch it revises. */
  readonly revises?: string | null;
  /** The job that it goes on from, as a person commented on its change. */
  readonly continues?: Continues | null;
  readonly baseOid: string;
  readonly target: string;
  readonly lane: Lane;
  readonly priority: number;
  readonly runAfter: number | null;
  readonly dependsOn: readonly string[];
  readonly dedupeKey: string | null;
  /** All capabilities that a worker must have, the backend's included. */
  readonly requires: readonly string[];
  readonly maxAttempts: number;
  /** Null, as where it is missing: what the target says. */
  readonly revisions?: number | null;
  readonly budget: Budget;
  readonly timeoutMs: number;
  readonly stallMs: number;
  /** What it waits for a worker, each time, in ms; from when nothing else holds it up. */
  readonly queueTimeoutMs: number;
  readonly retryOf: string | null;
  /** False where it is missing. */
  readonly record?: boolean;
  /** Null where it is missing: models answer. */
  readonly replay?: Replay | null;
  readonly completionId: string | null;
}

export interface WorkerRow {
  readonly id: string;
  readonly name: string;
  readonly slots: number;
  readonly verifySlots: number;
  readonly sandbox: SandboxKind;
  readonly capabilities: string[];
  readonly backends: Manifest[];
  readonly version: string;
  readonly draining: boolean;
  readonly cordon: Cordon | null;
  readonly registeredAt: number;
  readonly lastSeenAt: number;
  readonly running: Array<{ jobId: string; number: number; fence: number }>;
}

/** A circuit that is open, without the words that only the server has. */
export type CircuitRow = Omit<Circuit, "place">;

/** What is known of a backend by the jobs that it had. */
export interface BackendRecord {
  readonly backend: string;
  /** Of its newest attempts, within a day: how many ended with a change or a failure, and how many of them failed by its own fault. */
  readonly ended: number;
  readonly faults: number;
  /** Its jobs that run now. */
  readonly running: number;
  /** What one of its newest jobs took on average; null where none has used a model. */
  readonly cost: { readonly jobs: number; readonly usd: number; readonly tokens: number } | null;
}

/** How the jobs of a backend went, and what they took. */
export type BackendUse = Pick<BackendView, "running" | "today" | "recent" | "last"> & { readonly backend: string };

/** `Overview` as the store has it: blocked and waiting jobs as such, for the server to explain. */
export interface OverviewRows extends Pick<Overview, "at" | "today" | "counts" | "running" | "trains" | "landed" | "failures"> {
  readonly blocked: JobView[];
  readonly workers: WorkerRow[];
  readonly waiting: Pick<Overview["waiting"], "jobs" | "lanes" | "others"> & {
    readonly groups: ReadonlyArray<Pick<WaitingGroup, "cause" | "kind" | "jobs" | "backend"> & { readonly repoId: string | null; readonly first: JobView }>;
  };
  readonly spending: Omit<DaySpending, "budget">;
  readonly circuits: CircuitRow[];
}

/** A model call that is to begin; the attempt is named by its token's digest. */
export type NewCall = Omit<ReserveCall, "token"> & {
  readonly tokenSha256: string;
  /** What all jobs together may spend in a day. */
  readonly dayBudget: DayBudget;
};

/** What of the present day is used up, so that a job waits for the next one. */
export interface ClosedDay {
  /** Whose budget it is. */
  readonly of: "installation" | "repository";
  readonly unit: "tokens" | "usd";
  readonly limit: number;
  readonly spent: number;
  /** What a call of such a job was refused; null where all of the day is spent. */
  readonly wanted: number | null;
  /** When the next day begins, in ms since 1970. */
  readonly resetsAt: number;
}

/** `waiting`: it may fit when calls that are under way are settled. Any other refusal is now the attempt's model failure. */
export type CallReservation =
  | {
      readonly status: "reserved";
      readonly jobId: string;
      readonly number: number;
      readonly fence: number;
      /** How long the reservation ahead is good for, in ms; null where there is none. */
      readonly aheadForMs: number | null;
      /** Null where its attempt is neither recorded nor replayed. */
      readonly cassette: CassetteMode | null;
    }
  | {
      readonly status: "refused";
      readonly jobId: string;
      readonly fence: number;
      readonly workerId: string;
      readonly failure: Failure;
      readonly waiting: boolean;
    };

/** The attempt of a call, and what its job has to do with cassettes. */
export interface CallAttempt {
  readonly jobId: string;
  readonly fence: number;
  readonly gatewayId: string;
  readonly record: boolean;
  readonly replay: Replay | null;
}

/** The attempt of a settled call. */
export interface SettledCall {
  readonly jobId: string;
  readonly fence: number;
  /** Who has its lease; null where that is over. */
  readonly workerId: string | null;
}

/** A completion that is verified, and lands, with a later one of its target. */
export interface BatchMember {
  readonly completion: string;
  readonly fence: number;
  readonly mergedOid: string;
}

export interface CompletionRow extends CompletionView {
  /** Receipts are asked for under this spec; null before the first request. */
  readonly mergedTree: string | null;
  /** What the attempt that made the commit ran in. */
  readonly sandbox: SandboxKind;
  readonly intent: { target: string; oldOid: string | null; newOid: string } | null;
  /** Gates whose receipts may be red, as a person has accepted that; none for all others. */
  readonly waivedGates: readonly string[];
  /** Whether it is what others pushed to the repository's address, which lands as a merge of both whatever the style. */
  readonly isForeign: boolean;
}

/** What a person accepts of a failed job. */
export interface AcceptedWork {
  /** Id of the failed job. */
  readonly of: string;
  /** The attempt that left the work; null where it is the change of a job that was accepted itself. */
  readonly fence: number | null;
  /** As the agent left it. */
  readonly oid: string;
  /** The same tree with the act in its message: what is to land. Null where there is a job for it already, as far as the caller knows. */
  readonly acceptedOid: string | null;
  readonly reason: string | null;
  readonly red: readonly Red[];
}

/** Receipts of one tree, passing ones only. */
export type AttemptReceipts = Receipt[];

/** Who asks for a change: a token, and the IP address that it came from. */
export interface Actor {
  readonly tokenId: string;
  readonly tokenName: string;
  readonly role: Role;
  readonly address: string;
}

/** A browser's session: the token as which it acts, and when it is over by itself, in ms since 1970. */
export interface SessionRow {
  readonly token: TokenView;
  readonly expiresAt: number;
}

/** A call that is to be kept though no other operation of the store does it. */
export interface NewAuditEntry {
  readonly action: AuditedEndpoint;
  readonly by: Actor;
  /** `key`: an id, or the name (a job's: number) that stands for it. */
  readonly object: { readonly kind: AuditObjectKind; readonly key: string } | null;
  /** `ok`, or the code of an error. */
  readonly outcome: string;
}

/** Calls that were refused for the same reason, counted together. */
export interface RefusedCalls {
  readonly action: EndpointName;
  /** Null where no known token came with them. */
  readonly token: Pick<Actor, "tokenId" | "tokenName" | "role"> | null;
  readonly address: string;
  readonly outcome: "FORBIDDEN" | "UNAUTHENTICATED";
  readonly count: number;
}
