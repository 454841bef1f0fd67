import { commitWithTrailers } from "@slipway/git/accepted-commit";
import { hasCommit } from "@slipway/git/hub";
import { parentOf } from "@slipway/git/hub-merges";
import { type AcceptableWork, acceptableWork } from "@slipway/protocol/acceptable-work";
import { type Acceptance, type acceptJobSchema, NAMED_CHECKS, redText } from "@slipway/protocol/acceptance";
import { SlipwayError } from "@slipway/protocol/errors";
import type { JobDetail, JobView } from "@slipway/protocol/job";
import { newId } from "@slipway/protocol/scalars";
import type { z } from "zod";
import type { ControlPlane } from "../control-plane.ts";
import { acceptedRef } from "../hub/hub-access.ts";
import { hubRoot } from "../hub/hub-folder.ts";
import type { Actor } from "../store/store.ts";
import { announce } from "./announce.ts";
import { findJobDetail } from "./find-job.ts";

type Asked = z.output<typeof acceptJobSchema>;

const COMMITTER = { name: "Slipway", email: "slipway@localhost" };

/**
 * Makes a job that lands the kept work of a failed one, by the word of a person. CONFLICT where the job has none to accept, where it is other work than was
 * looked at, or where a secret was found in it that is not accepted by name; NOT_FOUND where the hub no longer has it. A second time it is the same job.
 */
export async function acceptJob(
  plane: ControlPlane,
  idOrNumber: string,
  asked: Asked,
  by: Actor,
): Promise<{ job: JobView; created: boolean; acceptance: Acceptance }> {
  const detail = await findJobDetail(plane.store, idOrNumber);
  const before = detail.acceptedAs.findLast(({ state }) => state !== "cancelled");
  if (before?.state === "failed") throw acceptedBefore(detail, before.number);
  const { oid, fence, red } = before ? await workOf(plane, before.number) : accepted(detail, asked);
  const { job } = detail;
  const root = hubRoot(plane.folder, job.repo.id);
  if (!before && !(await hasCommit(root, oid))) throw collected(detail, oid);
  const id = newId();
  const reason = asked.reason ?? null;
  // Below the refs of the failed job, which it is pruned with.
  const ref = acceptedRef(job.id, id);
  const acceptedOid = before ? null : await commitWithTrailers(root, { oid, ref, trailers: trailersOf(by, reason, red), committer: COMMITTER });
  // It needs no agent, and so nothing that an agent is given.
  const newJob = {
    ...job,
    id,
    // What the work was made on, which the failed job may have left since.
    baseOid: (await parentOf(root, oid)) ?? job.baseOid,
    repoId: job.repo.id,
    images: [],
    dedupeKey: null,
    dependsOn: [],
    runAfter: null,
    retryOf: null,
    record: false,
    replay: null,
    routing: null,
    continues: null,
    // Who accepts a change means it to land.
    landing: job.landing === "none" ? ("train" as const) : job.landing,
  };
  const made = await plane.store.acceptJob({ of: job.id, fence, oid, acceptedOid, reason, red }, { ...newJob, completionId: null }, by);
  if (made.created) announce(plane, made.job);
  const { acceptance } = await findJobDetail(plane.store, made.job.id);
  if (!acceptance) throw new SlipwayError("INTERNAL", "An accepted job has no record of it.", { job: made.job.id });
  return { ...made, acceptance };
}

/** What is accepted, where everything allows it. */
function accepted(detail: JobDetail, asked: Asked): AcceptableWork {
  const { number } = detail.job;
  const work = acceptableWork(detail);
  if (asked.oid !== undefined && asked.oid !== work.oid) {
    throw new SlipwayError("CONFLICT", `The kept work of job ${number} is ${work.oid}, not the commit that was looked at.`, {
      field: "oid",
      value: asked.oid,
      expected: work.oid,
      hint: `Look again with \`slipway diff ${number}\`.`,
    });
  }
  const unnamed = NAMED_CHECKS.find((check) => work.red.some(({ by, name }) => by === "check" && name === check) && !asked.including.includes(check));
  if (unnamed !== undefined) {
    throw new SlipwayError("CONFLICT", `The check ${unnamed} has found something in the work of job ${number}, which is not accepted along with the rest.`, {
      field: "including",
      value: asked.including,
      expected: [unnamed],
      findings: work.red.find(({ name }) => name === unnamed)?.findings ?? [],
      hint: `If these are no secrets, say so: \`slipway accept ${number} --including ${unnamed}\`. If they are, replace them at once, as they are on the hub.`,
    });
  }
  return work;
}

async function workOf(plane: ControlPlane, number: number): Promise<AcceptableWork> {
  const { acceptance } = await findJobDetail(plane.store, String(number));
  if (!acceptance) throw new SlipwayError("INTERNAL", "An accepted job has no record of it.", { job: number });
  return acceptance;
}

function acceptedBefore({ job }: JobDetail, number: number): SlipwayError {
  return new SlipwayError("CONFLICT", `The work of job ${job.number} was accepted as job ${number}, which failed in its turn.`, {
    job: job.id,
    expected: "a job whose work was not accepted yet",
    hint: `\`slipway show ${number}\` says why. To accept that too: \`slipway accept ${number}\`.`,
  });
}

function collected({ job }: JobDetail, oid: string): SlipwayError {
  return new SlipwayError("NOT_FOUND", `The kept work of job ${job.number} is no longer on the hub.`, {
    job: job.id,
    oid,
    hint: `The hub keeps it for a while after the job's end. Do the task again: \`slipway retry ${job.number}\`.`,
  });
}

function trailersOf({ tokenName, role }: Actor, reason: string | null, red: AcceptableWork["red"]): Record<string, string> {
  return { "Accepted-By": `${tokenName} (${role})`, ...(reason === null ? {} : { "Accepted-Because": reason }), "Accepted-Red": redText(red).slice(0, 2_000) };
}
