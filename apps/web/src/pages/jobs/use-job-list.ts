import { useQueries, useQuery } from "@tanstack/react-query";
import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import { call } from "../../api/call.ts";
import { type ApiFailure, toFailure } from "../../api/failure.ts";
import type { JobsQuery } from "./filters.ts";
import { type JobPage, type JobRow, pageOf } from "./job-row.ts";

const PAGE_JOBS = 200;
/** Rows that are asked for anew together, where one of them is on the screen. */
const CHUNK_JOBS = 50;
/** What was read longer ago than that is asked for again when it comes onto the screen, in ms. */
const FRESH_MS = 5_000;

interface Loaded {
  readonly key: string;
  readonly rows: readonly JobRow[];
  readonly nextCursor: string | null;
  /** When the newest page was read, by this machine's clock. */
  readonly at: number;
  /** The newest change of what the first page had: what changed after it may be new here. */
  readonly seen: number;
  readonly status: "loading" | "more" | "ready";
  readonly failure: ApiFailure | null;
}

/** The list that was shown last, so that somebody who comes back from a job finds the place again. */
let remembered: Loaded | null = null;

/**
 * Jobs in pages, as they were when each was read: rows never move under the reader. What is on the screen is kept true in its place; what would be new in the
 * list is only counted, until the reader asks for it.
 */
export function useJobList(asked: JobsQuery, key: string) {
  // Other filters are another list, and mount anew.
  const [query] = useState(asked);
  const [loaded, setLoaded] = useState<Loaded>(() => (remembered?.key === key && remembered.status === "ready" ? remembered : starting(key)));
  const current = useRef(loaded);
  current.current = loaded;
  const generation = useRef<AbortController | null>(null);

  const load = useCallback(
    async (from: Loaded): Promise<void> => {
      generation.current?.abort();
      const abort = new AbortController();
      generation.current = abort;
      setLoaded(from);
      try {
        const page = pageOf(
          await call("listJobs", { query: { ...query, limit: PAGE_JOBS, ...(from.nextCursor === null ? {} : { cursor: from.nextCursor }) } }, abort.signal),
        );
        if (!abort.signal.aborted) setLoaded(withPage(from, page));
      } catch (error) {
        if (!abort.signal.aborted) setLoaded({ ...from, status: "ready", failure: toFailure(error) });
      }
    },
    [query],
  );
  useEffect(() => {
    const known = current.current;
    if (known.key !== key || known.status !== "ready") void load(known.key === key && known.rows.length > 0 ? known : starting(key));
    return () => generation.current?.abort();
  }, [key, load]);
  useEffect(() => {
    remembered = loaded;
  }, [loaded]);

  const loadMore = useCallback((): void => {
    const { status, nextCursor, failure } = current.current;
    if (status === "ready" && nextCursor !== null && failure === null) void load({ ...current.current, status: "more" });
  }, [load]);
  const reload = useCallback((): void => void load({ ...starting(key) }), [key, load]);
  return { loaded: loaded.key === key ? loaded : starting(key), loadMore, reload };
}

function starting(key: string): Loaded {
  return { key, rows: [], nextCursor: null, at: 0, seen: 0, status: "loading", failure: null };
}

function withPage(from: Loaded, { rows, nextCursor }: JobPage): Loaded {
  const isFirst = from.status === "loading";
  return {
    ...from,
    rows: [...from.rows, ...rows],
    nextCursor,
    at: Date.now(),
    seen: isFirst ? Math.max(0, ...rows.map(({ updatedAt }) => updatedAt)) : from.seen,
    status: "ready",
    failure: null,
  };
}

/** The rows from `first` to `last` as they are now: by number, the newest known of each. */
export function useFreshRows(rows: readonly JobRow[], at: number, first: number, last: number): ReadonlyMap<number, JobRow> {
  const chunks = useMemo(() => {
    const found: JobRow[][] = [];
    for (let start = Math.floor(first / CHUNK_JOBS) * CHUNK_JOBS; start <= last && start < rows.length; start += CHUNK_JOBS)
      found.push(rows.slice(start, start + CHUNK_JOBS));
    return found;
  }, [rows, first, last]);
  return useQueries({
    queries: chunks.map((chunk) => {
      const query = { number: chunk.map(({ number }) => number), limit: PAGE_JOBS };
      return {
        queryKey: ["listJobs", null, query],
        queryFn: async ({ signal }: { signal: AbortSignal }) => pageOf(await call("listJobs", { query }, signal)).rows,
        initialData: chunk,
        initialDataUpdatedAt: at,
        staleTime: FRESH_MS,
        refetchOnWindowFocus: false,
      };
    }),
    combine: (answers) => new Map(answers.flatMap(({ data }) => data.map((row) => [row.number, row] as const))),
  });
}

/** How many jobs would be in the list that are not: new ones, and those that the filters let in since. */
export function useNewcomers(query: JobsQuery, { rows, nextCursor, seen, status }: Loaded): { count: number; isMore: boolean } {
  const since = Math.max(seen + 1, Number(query.since ?? 0));
  const asked = { ...query, ...(rows.length === 0 ? {} : { since }), limit: PAGE_JOBS };
  const { data } = useQuery({
    // Under its own name among the lists, so that notices of changes reach it.
    queryKey: ["listJobs", null, { ...asked, newcomers: true }],
    queryFn: async ({ signal }) => {
      const { jobs, nextCursor: more } = await call("listJobs", { query: asked }, signal);
      return { numbers: jobs.map(({ number }) => number), isMore: more !== null };
    },
    enabled: status !== "loading",
    refetchOnWindowFocus: false,
  });
  return useMemo(() => {
    const known = new Set(rows.map(({ number }) => number));
    // What is older than the last row comes with the next page.
    const lowest = nextCursor === null ? 0 : (rows.at(-1)?.number ?? 0);
    const count = (data?.numbers ?? []).filter((number) => number > lowest && !known.has(number)).length;
    return { count, isMore: (data?.isMore ?? false) && count > 0 };
  }, [data, rows, nextCursor]);
}
