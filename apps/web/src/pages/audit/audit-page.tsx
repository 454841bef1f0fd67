import type { AuditEntry } from "@slipway/protocol/audit";
import type { QueryOf, ResponseOf } from "@slipway/protocol/endpoints";
import { useInfiniteQuery } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { type ReactNode, useMemo } from "react";
import { call } from "../../api/call.ts";
import type { ApiFailure } from "../../api/failure.ts";
import { useMay } from "../../api/session.tsx";
import { Badge } from "../../parts/badge.tsx";
import { Button } from "../../parts/button.tsx";
import { Card, PageHead } from "../../parts/card.tsx";
import { plural } from "../../parts/format.ts";
import { JobLink } from "../../parts/job-link.tsx";
import { useRowKeys } from "../../parts/keys.ts";
import { Empty, FailureNote, Loading } from "../../parts/states.tsx";
import { Ago } from "../../parts/time.tsx";
import css from "./audit.module.css";
import { AuditFilters, sinceMs } from "./audit-filters.tsx";

type AuditQuery = NonNullable<QueryOf<"listAudit">>;

/** Who changed what, newest first; calls without a good token or role are counted by the hour. */
export function AuditPage() {
  const search = useSearch({ strict: false }) as Record<string, unknown>;
  const navigate = useNavigate();
  const isAdmin = useMay("admin");
  const filters = Object.fromEntries(["who", "job", "action", "since"].flatMap((name) => (search[name] ? [[name, String(search[name])]] : [])));
  const key = JSON.stringify(filters);
  // biome-ignore lint/correctness/useExhaustiveDependencies: "the last day" is that of when it was chosen
  const query = useMemo(() => {
    const { since, ...others } = filters;
    return { ...others, ...(since === undefined ? {} : { since: sinceMs(since, Date.now()) }) } as AuditQuery;
  }, [key]);
  useRowKeys();
  return (
    <>
      <PageHead title="Audit log" />
      {isAdmin ? (
        <div className={css["page"]}>
          <AuditFilters filters={filters} onChange={(next) => void navigate({ to: "/audit", search: next as never })} />
          <Entries query={query} isFiltered={Object.keys(filters).length > 0} />
        </div>
      ) : (
        <Empty title="The audit log is for admins.">Ask one of them for what you need of it, or sign in with a token of the role admin.</Empty>
      )}
    </>
  );
}

function Entries({ query, isFiltered }: { query: AuditQuery; isFiltered: boolean }) {
  const { data, error, hasNextPage, fetchNextPage, isFetchingNextPage } = useInfiniteQuery<
    ResponseOf<"listAudit">,
    ApiFailure,
    { pages: ResponseOf<"listAudit">[] },
    unknown[],
    string | null
  >({
    queryKey: ["listAudit", null, { ...query, pages: true }],
    queryFn: async ({ pageParam, signal }) => await call("listAudit", { query: { ...query, ...(pageParam === null ? {} : { cursor: pageParam }) } }, signal),
    initialPageParam: null,
    getNextPageParam: ({ nextCursor }) => nextCursor,
  });
  if (!data) return error ? <FailureNote failure={error} title="Could not load the audit log." /> : <Loading what="the audit log" />;
  const entries = data.pages.flatMap((page) => page.entries);
  if (entries.length === 0) {
    return (
      <Empty title={isFiltered ? "Nothing of that kind is kept." : "Nobody has changed anything yet."}>
        {isFiltered ? "Leave a filter out to see more." : "Whatever people change by the page, the command line or the API stands here."}
      </Empty>
    );
  }
  return (
    <>
      <Card title={`${plural(entries.length, "row")}${hasNextPage ? " so far" : ""}`} flush>
        <table className={css["table"]}>
          <thead>
            <tr>
              <th scope="col">When</th>
              <th scope="col">Who</th>
              <th scope="col">Action</th>
              <th scope="col">What</th>
              <th scope="col">Outcome</th>
              <th scope="col">From</th>
            </tr>
          </thead>
          <tbody>
            {entries.map((entry) => (
              <Row key={entry.seq} entry={entry} />
            ))}
          </tbody>
        </table>
      </Card>
      {error && <FailureNote failure={error} title="Could not load more." />}
      {hasNextPage && (
        <p className={css["more"]}>
          <Button onClick={() => void fetchNextPage()} disabled={isFetchingNextPage}>
            {isFetchingNextPage ? "Loading older rows …" : "Older rows"}
          </Button>
        </p>
      )}
    </>
  );
}

function Row({ entry }: { entry: AuditEntry }) {
  const { lastAt, token, action, count, outcome, address } = entry;
  return (
    <tr>
      <td className={css["when"]}>
        <Ago at={lastAt} />
      </td>
      <td>
        {token === null ? (
          <span className={css["muted"]}>nobody known</span>
        ) : (
          <Link to="/audit" search={{ who: token.name } as never} title={`All by ${token.name}`}>
            {token.name}
          </Link>
        )}
      </td>
      <td>
        <code>{action}</code>
        {count > 1 && ` × ${count}`}
      </td>
      <td>
        <What entry={entry} />
      </td>
      <td>
        <Badge tone={outcome === "ok" ? "ok" : outcome === "unchanged" ? "idle" : "bad"}>{outcome}</Badge>
      </td>
      <td className={css["muted"]}>{address}</td>
    </tr>
  );
}

function What({ entry: { object, madeJob } }: { entry: AuditEntry }): ReactNode {
  if (object === null) return null;
  const { kind, name } = object;
  if (kind === "job") {
    return (
      <>
        {/^\d+$/.test(name) ? <JobLink number={Number(name)} /> : name}
        {madeJob !== null && (
          <>
            {" → "}
            <JobLink number={madeJob} />
          </>
        )}
      </>
    );
  }
  if (kind === "repository") {
    return (
      <Link to="/repositories/$repo" params={{ repo: name }} data-row>
        {name}
      </Link>
    );
  }
  if (kind === "worker" || kind === "backend") {
    return (
      <Link to={kind === "worker" ? "/workers" : "/backends"} hash={name} data-row>
        {name}
      </Link>
    );
  }
  return `${kind} ${name}`;
}
