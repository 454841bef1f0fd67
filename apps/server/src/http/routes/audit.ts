import type { ControlPlane } from "../../control-plane.ts";
import { decodeCursor, encodeCursor } from "../../jobs/cursor.ts";
import { findJob } from "../../jobs/find-job.ts";
import type { Handlers } from "../call.ts";

/** Who did what. */
export function auditHandlers(plane: ControlPlane): Pick<Handlers, "listAudit"> {
  return {
    listAudit: async ({ query }) => {
      await plane.refusals.flush();
      const entries = await plane.store.listAudit({
        ...(query.since === undefined ? {} : { since: query.since }),
        ...(query.job === undefined ? {} : { job: (await findJob(plane.store, query.job)).number }),
        ...(query.who === undefined ? {} : { who: query.who }),
        ...(query.action ? { actions: query.action } : {}),
        ...(query.cursor === undefined ? {} : { before: decodeCursor(query.cursor) }),
        // One more than asked for tells whether there is another page.
        limit: query.limit + 1,
      });
      const page = entries.slice(0, query.limit);
      const last = page.at(-1);
      return { entries: page, nextCursor: entries.length > page.length && last ? encodeCursor(last.seq) : null };
    },
  };
}
