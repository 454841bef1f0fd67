import { useQuery } from "@tanstack/react-query";
import { ask } from "../../api/queries.ts";
import { PageHead } from "../../parts/card.tsx";
import { useRowKeys } from "../../parts/keys.ts";
import { Known } from "../../parts/states.tsx";
import { FailuresCard, LandedCard, SpendingCard } from "./day-cards.tsx";
import { NeedsYouCard } from "./needs-you-card.tsx";
import css from "./overview.module.css";
import { RunningCard } from "./running-card.tsx";
import { Tiles } from "./tiles.tsx";
import { TrainsCard } from "./trains-card.tsx";
import { WaitingCard } from "./waiting-card.tsx";

/** What is running, what waits and why, what landed, what needs somebody, what it cost: each with the way to its evidence. */
export function OverviewPage() {
  const query = useQuery(ask("overview", {}));
  useRowKeys();
  return (
    <>
      <PageHead title="Overview" />
      <Known query={query} what="the overview">
        {(overview) => (
          <div className={css["page"]}>
            <Tiles overview={overview} />
            <NeedsYouCard overview={overview} />
            <div className={css["columns"]}>
              <div>
                <RunningCard overview={overview} />
                <WaitingCard overview={overview} />
              </div>
              <div>
                <TrainsCard overview={overview} />
                <LandedCard overview={overview} />
                <FailuresCard overview={overview} />
                <SpendingCard overview={overview} />
              </div>
            </div>
          </div>
        )}
      </Known>
    </>
  );
}
