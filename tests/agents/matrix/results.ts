import { z } from "zod";

/** What the matrix came to, agent by agent and place by place, as `scripts/conformance` writes it and the documentation shows it. */
export const resultsSchema = z.record(
  z.string(),
  z.record(
    z.string(),
    z.object({
      /** What the backend's probe found. */
      release: z.string(),
      /** When it was played, as YYYY-MM-DD. */
      date: z.iso.date(),
      /** By the case's name: `passed`, `failed`, or why the agent is exempt. */
      cases: z.record(z.string(), z.string()),
    }),
  ),
);
export type Results = z.output<typeof resultsSchema>;
