import type { JobDetail } from "@slipway/protocol/job";
import { Card } from "../../../parts/card.tsx";
import css from "../job.module.css";
import { LongText } from "../long-text.tsx";
import { useEvents } from "../stream/use-stream.tsx";
import { Landing } from "./landing.tsx";
import { Routing } from "./routing.tsx";
import { Spending } from "./spending.tsx";
import { timelineOf } from "./timeline.ts";
import { TimelineView } from "./timeline-view.tsx";

/** What was asked for, what time and money went into it, and how it came to its backend. */
export function OverviewTab({ detail }: { detail: JobDetail }) {
  const { job } = detail;
  const events = useEvents();
  return (
    <div className={css["columns"]}>
      <div className={css["stack"]}>
        <Card title="Where the time went">
          <TimelineView parts={timelineOf(detail, events)} job={job.number} />
        </Card>
      </div>
      <div className={css["stack"]}>
        <Card title="Task">
          <div className={css["stack"]}>
            <LongText text={job.task} />
            {job.criteria.length > 0 && (
              <div>
                <h3>What the change must do</h3>
                <ul className={css["bullets"]}>
                  {job.criteria.map((criterion) => (
                    <li key={criterion}>{criterion}</li>
                  ))}
                </ul>
              </div>
            )}
            <Images detail={detail} />
          </div>
        </Card>
        <Spending job={job} events={events} />
        <Landing detail={detail} />
        <Routing job={job} />
      </div>
    </div>
  );
}

/** The pictures that go with the task; their bytes may be gone. */
function Images({ detail: { job } }: { detail: JobDetail }) {
  if (job.images.length === 0) return null;
  return (
    <div>
      <h3>Images</h3>
      <ul className={css["bullets"]}>
        {job.images.map(({ name, type, sha256 }) => (
          <li key={sha256}>
            {name} ({type})
          </li>
        ))}
      </ul>
    </div>
  );
}
