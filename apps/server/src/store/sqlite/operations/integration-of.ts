import type { Store } from "../../store.ts";
import { NOW } from "../clock.ts";
import type { Database } from "../database.ts";
import { requireJob } from "../job-view.ts";
import { frozenTargets } from "./frozen-targets.ts";
import { waitingCars } from "./waiting-cars.ts";

const OPEN = `
  SELECT c.fence AS claims, COALESCE((SELECT t.verify_job_id FROM completions t WHERE t.id = c.batch_of), c.verify_job_id) AS verifyJobId, c.state = 'landing' AS isLanding, c.repo_id AS repoId, c.target,
    CASE WHEN c.lease_until > ${NOW} THEN c.lease_until END AS leaseUntil
  FROM completions c WHERE c.job = @number AND c.state IN ('pending', 'landing') ORDER BY c.seq DESC LIMIT 1`;

interface Row {
  claims: number;
  verifyJobId: string | null;
  isLanding: number;
  leaseUntil: number | null;
  repoId: string;
  target: string;
}

export function integrationOf(db: Database, jobId: string): Awaited<ReturnType<Store["integrationOf"]>> {
  const row = db.get<Row>(OPEN, { number: requireJob(db, jobId).number });
  if (!row) return null;
  const { repoId, target, isLanding, ...rest } = row;
  const cars = waitingCars(db, repoId).filter((car) => car.target === target);
  const at = cars.findIndex((car) => car.jobId === jobId);
  const ahead = cars.slice(0, at);
  const { conflictsWith = [], passed = 0, batch = null, bisects = 0 } = cars[at] ?? {};
  const frozen = frozenTargets(db, repoId).find((one) => one.target === target) ?? null;
  return {
    ...rest,
    isLanding: isLanding === 1,
    frozen,
    conflictsWith,
    passed,
    batch,
    bisects,
    ahead: ahead.map(({ job, place }) => ({ job, isInTrain: place !== null })),
  };
}
