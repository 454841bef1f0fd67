import type { JobEvent } from "@slipway/protocol/events";
import type { JobView } from "@slipway/protocol/job";
import { Card, Facts } from "../../../parts/card.tsx";
import { bytes, count, duration, money, plural } from "../../../parts/format.ts";
import parts from "../../../parts/parts.module.css";
import css from "../job.module.css";
import { isUsed, machineOf, modelsOf, type SpentShare, spentOf } from "./spent.ts";

/** What the job took of models and of the machine, against what it may. */
export function Spending({ job, events }: { job: JobView; events: readonly JobEvent[] }) {
  const { usage, budget } = job;
  const models = modelsOf(events);
  const machine = machineOf(events);
  return (
    <Card title="Cost">
      <div className={css["stack"]}>
        {isUsed(usage) ? (
          <div className={css["stack"]}>
            {spentOf(job).map((share) => (
              <Share key={share.what} share={share} />
            ))}
            <p className={css["muted"]}>
              {count(usage.inputTokens)} tokens in ({count(usage.cachedInputTokens)} of them cached), {count(usage.outputTokens)} out
              {usage.reasoningTokens > 0 && ` (${count(usage.reasoningTokens)} of them thoughts)`}
              {(budget.attemptUsd !== undefined || budget.attemptTokens !== undefined) && `; one attempt may take ${attemptLimit(job)}`}
            </p>
          </div>
        ) : (
          <p className={css["muted"]}>
            Nothing was spent on models{job.endedAt === null ? " yet" : ""}. {limitText(job)}
          </p>
        )}
        {models.length > 0 && (
          <div className={parts["scroll"]}>
            <table>
              <thead>
                <tr>
                  <th>Model</th>
                  <th>Calls</th>
                  <th>In / out</th>
                  <th>Cost</th>
                </tr>
              </thead>
              <tbody>
                {models.map(({ model, calls, failed, tokensIn, tokensOut, usd }) => (
                  <tr key={model}>
                    <td>{model}</td>
                    <td className={parts["number"]}>
                      {calls}
                      {failed > 0 && ` (${failed} failed)`}
                    </td>
                    <td className={parts["number"]}>
                      {count(tokensIn)} / {count(tokensOut)}
                    </td>
                    <td className={parts["number"]}>{money(usd)}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        )}
        {machine && (
          <Facts
            of={[
              ["Processor", duration(machine.cpuMs)],
              ["Most memory", bytes(machine.peakMemoryBytes)],
            ]}
          />
        )}
      </div>
    </Card>
  );
}

function Share({ share: { what, spent, limit } }: { share: SpentShare }) {
  const show = what === "usd" ? money : (value: number): string => `${count(value)} tokens`;
  if (limit === null) return <p className={css["figure"]}>{show(spent)}</p>;
  const percent = Math.round((100 * spent) / limit);
  return (
    <div>
      <p className={css["figure"]}>
        {show(spent)} <small>of {show(limit)}</small>
      </p>
      <meter
        className={css["meter"]}
        min={0}
        max={100}
        high={80}
        value={Math.min(percent, 100)}
        aria-label={`${percent} % of the ${what === "usd" ? "money" : "tokens"} that it may spend`}
      />
    </div>
  );
}

function attemptLimit({ budget: { attemptUsd, attemptTokens } }: JobView): string {
  return [attemptUsd === undefined ? "" : money(attemptUsd), attemptTokens === undefined ? "" : `${count(attemptTokens)} tokens`].filter(Boolean).join(", ");
}

function limitText({ budget: { usd, tokens }, budget }: JobView): string {
  if (Object.keys(budget).length === 0) return "It has no limit of its own.";
  const limits = [usd === undefined ? "" : money(usd), tokens === undefined ? "" : plural(tokens, "token")].filter(Boolean);
  return limits.length > 0 ? `It may take ${limits.join(", ")}.` : "";
}
