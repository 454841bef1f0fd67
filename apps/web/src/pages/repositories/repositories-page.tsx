import type { RepositoryView } from "@slipway/protocol/repository";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { ask } from "../../api/queries.ts";
import { Badge } from "../../parts/badge.tsx";
import { Card, PageHead } from "../../parts/card.tsx";
import { Copy } from "../../parts/copy.tsx";
import { money, plural } from "../../parts/format.ts";
import { useRowKeys } from "../../parts/keys.ts";
import { Empty, Known } from "../../parts/states.tsx";
import { Ago } from "../../parts/time.tsx";
import css from "./repositories.module.css";

/** All repositories, with how each stands to its own address and what is at work there. */
export function RepositoriesPage() {
  const query = useQuery(ask("listRepositories", {}));
  useRowKeys();
  return (
    <>
      <PageHead title="Repositories" />
      <Known query={query} what="the repositories">
        {({ repositories }) => (
          <Card title={plural(repositories.length, "repository", "repositories")} flush>
            {repositories.length === 0 ? (
              <Empty title="No repositories yet.">
                <p>The first job in a checkout registers its repository. Or register one by its address:</p>
                <Copy text="slipway repos add NAME ADDRESS" />
              </Empty>
            ) : (
              <ul className={css["rows"]}>
                {repositories.map((repository) => (
                  <li key={repository.id} className={css["repository"]}>
                    <span className={css["title"]}>
                      <Link to="/repositories/$repo" params={{ repo: repository.name }} data-row>
                        {repository.name}
                      </Link>
                      <span className={css["muted"]}>
                        {repository.url ?? "of checkouts on this machine"} · {repository.defaultBranch}
                      </span>
                    </span>
                    <span>
                      <Sync repository={repository} />
                    </span>
                    <span className={css["work"]}>
                      <Link to="/jobs" search={{ repo: repository.name, state: "running" }}>
                        {repository.running} running
                      </Link>
                      <Link to="/jobs" search={{ repo: repository.name, state: "queued" }}>
                        waiting
                      </Link>
                      <Link to="/jobs" search={{ repo: repository.name }}>
                        all jobs
                      </Link>
                    </span>
                    <span className={css["muted"]}>
                      {repository.spentToday.usd > 0 || repository.dayBudget.usd !== undefined ? `${money(repository.spentToday.usd)} today` : ""}
                      {repository.dayBudget.usd !== undefined && ` of ${money(repository.dayBudget.usd)}`}
                    </span>
                  </li>
                ))}
              </ul>
            )}
          </Card>
        )}
      </Known>
    </>
  );
}

/** How the last fetch from its address, or push there, went. */
export function Sync({ repository: { url, upstreamSync } }: { repository: RepositoryView }) {
  if (url === null) return <Badge tone="idle">no address</Badge>;
  const { at, okAt, error, nextAt } = upstreamSync;
  if (at === null) return <Badge tone="idle">not fetched yet</Badge>;
  if (error !== null) {
    return (
      <>
        <Badge tone="bad">{error.code}</Badge>{" "}
        <span className={css["muted"]}>
          {nextAt === null ? (
            ""
          ) : (
            <>
              next try <Ago at={nextAt} />
            </>
          )}
        </span>
      </>
    );
  }
  return (
    <>
      <Badge tone="ok">in touch</Badge>{" "}
      <span className={css["muted"]}>
        <Ago at={okAt ?? at} />
      </span>
    </>
  );
}
