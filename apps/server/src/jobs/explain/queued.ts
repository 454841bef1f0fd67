import type { JobView } from "@slipway/protocol/job";
import { missingAgent } from "../../routing/agents.ts";
import { circuitText, withAgent } from "../../routing/facts.ts";
import { circuitAt } from "../../routing/places.ts";
import { raiseText, sharersText } from "../../store/sqlite/day-budget.ts";
import { amountText } from "../../store/sqlite/model-budget.ts";
import type { ClosedDay, WorkerRow } from "../../store/store.ts";
import { dueAt, type Known, type Waiting } from "./part.ts";

/** What happens to a job that no worker takes. */
const AT_THE_DEADLINE = "If no worker has taken it by the deadline, it fails with QUEUE_TIMEOUT.";

/** A drained worker is not started again by `slipway up`, and a second one beside it does not start. */
const RESTART = "Restart `slipway up` (Ctrl-C, then again), or the worker where it runs by itself: a drained worker takes jobs again after its restart.";

/** Why a queued job is not taken: other jobs, its time, its repository's limit, or the workers. */
export async function explainQueued(plane: Known, job: JobView): Promise<Waiting> {
  const waiting = await plane.store.waitingFor(job.id, { dayBudget: plane.dayBudget, isMetered: await isMetered(plane, job) });
  if (waiting.dependencies.length > 0) {
    const names = waiting.dependencies.map(({ number, state }) => `job ${number} (${state})`).join(", ");
    const those = waiting.dependencies.length === 1 ? "that job is" : "those jobs are";
    return {
      owner: "job",
      // By then the first of those that hold it up is done, or is ended.
      deadline: waiting.dependenciesDueAt ?? Date.now(),
      reason: `It waits for ${names}.`,
      unblock: `It goes on when ${those} done; if one does not end well, this one fails. \`slipway explain\` of those jobs says more.`,
    };
  }
  if (waiting.runAfter !== null) {
    const at = new Date(waiting.runAfter).toISOString();
    const failure = job.fence > 0 ? (await plane.store.getJobDetail(job.id))?.attempts.at(-1)?.failure : null;
    const reason = failure ? `It is tried again at ${at}, after ${failure.code}: ${failure.message}` : `It is not to run before ${at}.`;
    return { owner: "clock", deadline: waiting.runAfter, reason, unblock: "Nothing to do: it becomes claimable at that time." };
  }
  if (waiting.repoRunning >= waiting.repoLimit && job.kind === "task") {
    return {
      owner: "repository",
      deadline: dueAt(job),
      reason: `The repository ${job.repo.name} runs ${waiting.repoRunning} jobs, and ${waiting.repoLimit} may run at once.`,
      unblock: `It goes on when one of them ends; the limit is the repository's \`maxRunning\`. ${AT_THE_DEADLINE}`,
    };
  }
  if (waiting.closedDay) return explainClosedDay(job, waiting.closedDay);
  return { ...(await explainUnclaimed(plane, job, waiting.ahead)), deadline: dueAt(job) };
}

/** Whether its model calls count for the day, as far as workers have told. */
async function isMetered({ store }: Known, { backend }: JobView): Promise<boolean> {
  const workers = await store.listWorkers();
  return workers.some(({ backends }) => backends.some(({ name, capabilities }) => name === backend && capabilities.model));
}

/** What jobs may spend in a day is used up. */
function explainClosedDay(job: JobView, { of, unit, limit, spent, wanted, resetsAt }: ClosedDay): Waiting {
  const repository = of === "repository" ? job.repo.name : undefined;
  const at = new Date(resetsAt).toISOString();
  const call = wanted === null ? "" : `, and its next call may take ${amountText(unit, wanted)}`;
  const timesOut = dueAt(job) < resetsAt;
  return {
    owner: timesOut ? "you" : "clock",
    deadline: Math.min(resetsAt, dueAt(job)),
    reason: `What ${sharersText(repository)} may spend in a day is used up: ${amountText(unit, spent)} of ${amountText(unit, limit)} are spent since 00:00 UTC${call}.`,
    unblock: `${timesOut ? AT_THE_DEADLINE : `Nothing to do: it goes on at ${at}.`} Or ${raiseText(unit, repository)}; it goes on then.`,
  };
}

/** Every worker that could take it waits for the circuit of the job's backend; undefined where one need not. */
async function explainShut(plane: Known, job: JobView, workers: readonly WorkerRow[]): Promise<Omit<Waiting, "deadline"> | undefined> {
  if (job.kind !== "task") return undefined;
  const circuits = await plane.store.listCircuits();
  const found = workers.map((worker) => circuitAt(circuits, worker, job.backend, plane.signals));
  const [first] = found.flatMap((circuit) => circuit ?? []).toSorted((a, b) => a.openUntil - b.openUntil);
  if (!first || found.includes(undefined)) return undefined;
  const next =
    first.state === "trying" && first.canary
      ? `Job ${first.canary.number} tries it now: when it goes well, this one goes on.`
      : `Nothing to do: at ${new Date(first.openUntil).toISOString()} one job is let through to try it, and when it goes well all go on.`;
  return {
    owner: first.state === "trying" ? "job" : "clock",
    reason: `The backend ${job.backend} gets no jobs: ${circuitText(first)}. Its last failure: ${first.message}`,
    unblock: `${next} \`slipway backends reset ${job.backend}\` ends the pause at once. ${AT_THE_DEADLINE}`,
  };
}

/** The agent of its backend is on no worker that could take it. */
function explainAbsent(plane: Known, job: JobView, workers: readonly WorkerRow[]): Omit<Waiting, "deadline"> {
  const { backend, backendConfig: config } = job;
  const missing = workers.flatMap((worker) => missingAgent(worker, { backend, config }, plane.signals) ?? []);
  const names = missing.map(({ worker }) => worker);
  const remedy = missing.find((one) => one.remedy !== null)?.remedy ?? "slipway doctor";
  const others = new Set(workers.flatMap((worker) => agentsOn(plane, worker)));
  const instead = others.size > 0 ? ` Or submit it with a backend whose agent is there: ${[...others].sort().join(", ")}.` : "";
  return {
    owner: "you",
    reason: `The agent of ${backend} is not installed on ${names.join(", ")} (${missing[0]?.found ?? "?"}).`,
    unblock: `Type \`${remedy}\`${names.length > 1 ? " on one of them" : ""}: within a minute the job goes on by itself.${instead} ${AT_THE_DEADLINE}`,
  };
}

/** Backends of the worker that have an agent of a registry, which is there. */
function agentsOn({ signals }: Known, { id, backends }: WorkerRow): string[] {
  const there = signals.reportOf(id).agents.flatMap(({ backend, ok }) => (ok ? [backend] : []));
  return there.filter((backend) => backends.some(({ name, release }) => name === backend && release !== undefined));
}

/** Every worker that could take it claims nothing, by a person's word. */
function explainCordoned(workers: readonly WorkerRow[]): Omit<Waiting, "deadline"> {
  const words = workers.flatMap(({ name, cordon }) =>
    cordon === null ? [] : [`${name} by ${cordon.by} since ${new Date(cordon.at).toISOString()}${cordon.reason === null ? "" : ` (${cordon.reason})`}`],
  );
  return {
    owner: "you",
    reason: `Every worker that could take it is cordoned: ${words.join("; ")}.`,
    unblock: `\`slipway workers uncordon ${workers[0]?.name ?? "NAME"}\` lets it take jobs again. ${AT_THE_DEADLINE}`,
  };
}

/** Nothing but the workers holds the job up. */
async function explainUnclaimed(plane: Known, job: JobView, ahead: number): Promise<Omit<Waiting, "deadline">> {
  const workers = await plane.store.listWorkers();
  const connected = workers.filter(({ id }) => plane.signals.isConnected(id));
  if (connected.length === 0) {
    const drained = workers.filter(({ draining }) => draining).map(({ name }) => name);
    if (drained.length > 0) {
      return { owner: "you", reason: `No worker is connected: ${drained.join(", ")} drained and ended.`, unblock: `${RESTART} ${AT_THE_DEADLINE}` };
    }
    return { owner: "you", reason: "No worker is connected.", unblock: `Start one, for example with \`slipway up\`. ${AT_THE_DEADLINE}` };
  }
  const able = connected.filter(({ capabilities }) => job.requires.every((capability) => capabilities.includes(capability)));
  if (able.length === 0) {
    const missing = job.requires.filter((capability) => !connected.some(({ capabilities }) => capabilities.includes(capability)));
    const what = missing.length > 0 ? missing.join(", ") : job.requires.join(" together with ");
    return {
      owner: "you",
      reason: `No connected worker has ${what}.`,
      unblock: `Start a worker that has ${what}; \`slipway doctor\` says what is missing, or submit the job with another backend. ${AT_THE_DEADLINE}`,
    };
  }
  const working = able.filter(({ draining }) => !draining);
  if (working.length === 0) {
    return {
      owner: "you",
      reason: "Every worker that could take it is draining.",
      unblock: `${RESTART} ${AT_THE_DEADLINE}`,
    };
  }
  const open = working.filter(({ cordon }) => cordon === null);
  if (open.length === 0) return explainCordoned(working);
  const ready = job.kind === "task" ? withAgent(plane, open, { backend: job.backend, config: job.backendConfig }) : open;
  if (ready.length === 0) return explainAbsent(plane, job, open);
  const shut = await explainShut(plane, job, ready);
  if (shut) return shut;
  const held = ready.flatMap(({ id, name }) => {
    const reason = plane.signals.heldBy(id);
    return reason === null ? [] : [`${name} claims nothing for now: ${reason}`];
  });
  if (held.length === ready.length) {
    return { owner: "you", reason: `${held.join("; ")}.`, unblock: `It is taken as soon as there is room again. ${AT_THE_DEADLINE}` };
  }
  const line =
    ahead > 0 ? `${ahead} ${ahead === 1 ? "job is" : "jobs are"} ahead of it and all slots are taken.` : "All slots of the workers that can take it are taken.";
  return { owner: "worker", reason: line, unblock: `Nothing to do: the next free slot takes it. More slots or workers make it quicker. ${AT_THE_DEADLINE}` };
}
