import { useQuery } from "@tanstack/react-query";
import { Link, useParams } from "@tanstack/react-router";
import { ask } from "../../api/queries.ts";
import { Card, Facts, PageHead } from "../../parts/card.tsx";
import { Copy } from "../../parts/copy.tsx";
import { count, money } from "../../parts/format.ts";
import { useRowKeys } from "../../parts/keys.ts";
import { Empty, Known } from "../../parts/states.tsx";
import { FlakesCard } from "./flakes-card.tsx";
import css from "./repositories.module.css";
import { Sync } from "./repositories-page.tsx";
import { TrainsCard } from "./trains-card.tsx";
import { UpstreamCard } from "./upstream-card.tsx";

/** One repository: what is on its way to its branches, how it stands to its address, and which gates fail by chance. */
export function RepositoryPage() {
  const { repo } = useParams({ from: "/repositories/$repo" });
  const query = useQuery(ask("listRepositories", {}));
  useRowKeys();
  return (
    <Known query={query} what="the repository">
      {({ repositories }) => {
        const repository = repositories.find(({ id, name }) => name === repo || id === repo);
        if (!repository) {
          return (
            <Empty title={`There is no repository ${repo}.`}>
              <Link to="/repositories">All repositories</Link>
            </Empty>
          );
        }
        const { name, url, defaultBranch, maxRunning, running, dayBudget, spentToday } = repository;
        return (
          <>
            <PageHead title={name}>
              <Link to="/jobs" search={{ repo: name }}>
                Its jobs
              </Link>
            </PageHead>
            <div className={css["page"]}>
              <Card title="Repository">
                <Facts
                  of={[
                    ["Address", url === null ? "none: checkouts push to it" : <Copy key="url" text={url} />],
                    ...(url === null ? [] : [["State", <Sync key="sync" repository={repository} />] as const]),
                    ["Default branch", defaultBranch],
                    ["Running", `${running} of at most ${maxRunning}`],
                    [
                      "Spent today",
                      `${money(spentToday.usd)}${dayBudget.usd === undefined ? "" : ` of ${money(dayBudget.usd)}`}, ${count(spentToday.tokens)}${
                        dayBudget.tokens === undefined ? "" : ` of ${count(dayBudget.tokens)}`
                      } tokens`,
                    ],
                  ]}
                />
              </Card>
              <TrainsCard repository={repository} />
              {url !== null && <UpstreamCard repository={repository} />}
              <FlakesCard repository={repository} />
            </div>
          </>
        );
      }}
    </Known>
  );
}
