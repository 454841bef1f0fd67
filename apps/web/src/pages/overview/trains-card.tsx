import type { Overview } from "@slipway/protocol/overview";
import { Link } from "@tanstack/react-router";
import { Badge } from "../../parts/badge.tsx";
import { Card } from "../../parts/card.tsx";
import { plural } from "../../parts/format.ts";
import { JobLink } from "../../parts/job-link.tsx";
import { Empty } from "../../parts/states.tsx";
import css from "./overview.module.css";

/** Of one train so many cars are shown here. */
const CARS_SHOWN = 6;

/** What is on its way to each branch, in the order of landing. */
export function TrainsCard({ overview }: { overview: Overview }) {
  return (
    <Card title="Trains" flush>
      {overview.trains.length === 0 && (
        <Empty title="Nothing is on its way to a branch.">A change whose gates passed is merged, verified and landed here, in order.</Empty>
      )}
      {overview.trains.map(({ repo, target, frozen, cars }) => (
        <section key={`${repo.id} ${target}`} className={css["worker"]} aria-label={`Train of ${repo.name}, ${target}`}>
          <div className={css["workerHead"]}>
            <h3>
              <Link to="/repositories/$repo" params={{ repo: repo.name }}>
                {repo.name} → {target}
              </Link>
            </h3>
            {frozen && <Badge tone={frozen.by === null ? "bad" : "warn"}>frozen</Badge>}
            <span className={css["slots"]}>
              <span className={css["muted"]}>{plural(cars.length, "car")}</span>
            </span>
          </div>
          <ol className={css["cars"]}>
            {cars.slice(0, CARS_SHOWN).map((car) => (
              <li key={car.completion}>
                <JobLink number={car.job} title={car.title} />
                <CarState car={car} />
              </li>
            ))}
          </ol>
          {cars.length > CARS_SHOWN && (
            <p className={css["more"]}>
              <Link to="/repositories/$repo" params={{ repo: repo.name }}>
                {cars.length - CARS_SHOWN} more
              </Link>
            </p>
          )}
        </section>
      ))}
    </Card>
  );
}

/** How far a change is on its way. */
function CarState({ car: { state, place, verifyJob } }: { car: Overview["trains"][number]["cars"][number] }) {
  if (state === "landing") return <Badge tone="ok">landing</Badge>;
  if (place === null) return <Badge tone="idle">waits to be let in</Badge>;
  if (verifyJob === null) return <Badge tone="info">merging</Badge>;
  return (
    <span className={css["carState"]}>
      <Badge tone="info">verifying</Badge> <span className={css["muted"]}>by</span> <JobLink number={verifyJob} />
    </span>
  );
}
