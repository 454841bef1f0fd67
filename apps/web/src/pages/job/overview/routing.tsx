import type { JobView } from "@slipway/protocol/job";
import { Badge } from "../../../parts/badge.tsx";
import { Card } from "../../../parts/card.tsx";
import css from "../job.module.css";

const CAUSES = {
  submit: "chosen when it was submitted",
  failover: "took over from one that could not go on",
  circuit: "taken as the one before is out of order",
  absent: "taken as the one before is not installed",
} as const;

/** How the job came to its backend, and which ones follow; nothing where it named one alone. */
export function Routing({ job: { routing, backend, handover } }: { job: JobView }) {
  if (!routing) return null;
  const behind = routing.route.slice(routing.at + 1);
  return (
    <Card title="Routing">
      <div className={css["stack"]}>
        <p>
          <strong>{backend}</strong>, {CAUSES[routing.cause]}. Asked for: {routing.asked}
          {routing.needs.length > 0 && `, with ${routing.needs.join(", ")}`}.
          {behind.length > 0 && ` Then, if it has to be: ${behind.map((entry) => entry.backend).join(", ")}.`}
        </p>
        {handover && (
          <p>
            {handover.backend} left with <code>{handover.failure.code}</code>: {handover.failure.message}
          </p>
        )}
        <ul className={css["bullets"]}>
          {routing.candidates.map(({ backend: name, taken, reason }) => (
            <li key={name}>
              {name} {taken && <Badge tone="ok">taken</Badge>} <span className={css["muted"]}>{reason}</span>
            </li>
          ))}
        </ul>
      </div>
    </Card>
  );
}
