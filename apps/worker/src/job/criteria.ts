import type { JobView } from "@slipway/protocol/job";

/** The task as its agent is told of it: with the criteria that the change will be judged by. */
export function taskWithCriteria({ task, criteria }: Pick<JobView, "task" | "criteria">): string {
  if (criteria.length === 0) return task;
  return `${task}\n\nThe change is accepted when all of this holds:\n${criteria.map((criterion, index) => `${index + 1}. ${criterion.replace(/\s+/g, " ")}`).join("\n")}`;
}
