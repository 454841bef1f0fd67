import { useNavigate, useSearch } from "@tanstack/react-router";
import { useCallback, useMemo } from "react";
import { useMay } from "../../api/session.tsx";
import { Button } from "../../parts/button.tsx";
import { PageHead } from "../../parts/card.tsx";
import { Copy } from "../../parts/copy.tsx";
import { plural } from "../../parts/format.ts";
import { Empty, FailureNote, Loading } from "../../parts/states.tsx";
import { BulkBar } from "./bulk-bar.tsx";
import { FilterBar } from "./filter-bar.tsx";
import { type Filters, filtersOf, queryOf } from "./filters.ts";
import { JobTable } from "./job-table.tsx";
import css from "./jobs.module.css";
import { useSelection } from "./selection.ts";
import { useJobList, useNewcomers } from "./use-job-list.ts";

/** All jobs, newest first: filters in the address, any number of rows, and what can be done with many at once. */
export function JobsPage() {
  const search = useSearch({ from: "/jobs" });
  const navigate = useNavigate();
  const filters = useMemo(() => filtersOf(search), [search]);
  const key = JSON.stringify(filters);
  // "The last hour" is that of when it was chosen: the list would else begin anew with every second.
  // biome-ignore lint/correctness/useExhaustiveDependencies: the key stands for the filters
  const query = useMemo(() => queryOf(filters, Date.now()), [key]);
  const change = useCallback(
    (more: Filters, options: { replace?: boolean } = {}): void => {
      const next = Object.fromEntries(Object.entries({ ...filters, ...more }).filter(([, value]) => value));
      void navigate({ to: "/jobs", search: next as Record<string, string>, replace: options.replace ?? false });
    },
    [filters, navigate],
  );
  return (
    <>
      <PageHead title="Jobs" />
      <FilterBar filters={filters} onChange={change} onClear={() => void navigate({ to: "/jobs", search: {} })} />
      <JobList key={key} listKey={key} query={query} filters={filters} />
    </>
  );
}

function JobList({ listKey, query, filters }: { listKey: string; query: ReturnType<typeof queryOf>; filters: Filters }) {
  const may = useMay("submitter");
  const { loaded, loadMore, reload } = useJobList(query, listKey);
  const { count, isMore } = useNewcomers(query, loaded);
  const selection = useSelection(loaded.rows);
  const { rows, nextCursor, status, failure } = loaded;
  const show = (): void => {
    window.scrollTo({ top: 0 });
    reload();
  };
  return (
    <section className={css["list"]} aria-label="Jobs">
      <div className={css["news"]} role="status">
        {count > 0 && (
          <Button small look="primary" onClick={show}>
            {count}
            {isMore ? " or more" : ""} new {count === 1 && !isMore ? "job" : "jobs"}: show
          </Button>
        )}
      </div>
      {failure && (
        <>
          <FailureNote failure={failure} title={rows.length === 0 ? "Could not load the jobs." : "Could not load more jobs."} />
          <p className={css["end"]}>
            <Button small onClick={reload}>
              Try again
            </Button>
          </p>
        </>
      )}
      {rows.length > 0 && <JobTable loaded={loaded} onMore={loadMore} selection={may ? selection : null} />}
      {status === "loading" && <Loading what="the jobs" />}
      {status === "ready" && rows.length === 0 && !failure && <Nothing isFiltered={Object.keys(filters).length > 0} />}
      {rows.length > 0 && status !== "loading" && (
        <p className={css["end"]}>
          {status === "more"
            ? "Loading more jobs …"
            : nextCursor === null
              ? `${plural(rows.length, "job")}, and no more.`
              : `${plural(rows.length, "job")} so far.`}
        </p>
      )}
      {may && <BulkBar selection={selection} rows={rows} />}
    </section>
  );
}

function Nothing({ isFiltered }: { isFiltered: boolean }) {
  if (isFiltered) return <Empty title="No such jobs.">Leave a filter out to see more.</Empty>;
  return (
    <Empty title="No jobs yet.">
      <p>Every job stands here, newest first. This submits a first one, in a repository:</p>
      <Copy text='slipway run "What to do"' />
    </Empty>
  );
}
