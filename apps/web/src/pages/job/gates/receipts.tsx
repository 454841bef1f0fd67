import type { Receipt } from "@slipway/protocol/job";
import { Link } from "@tanstack/react-router";
import { Badge } from "../../../parts/badge.tsx";
import { Card } from "../../../parts/card.tsx";
import { duration } from "../../../parts/format.ts";
import parts from "../../../parts/parts.module.css";
import { Ago } from "../../../parts/time.tsx";
import css from "../job.module.css";

/** Proofs that gates ran on the merged tree. */
export function Receipts({ receipts }: { receipts: readonly Receipt[] }) {
  return (
    <Card title="Receipts" flush>
      <table className={css["table"]}>
        <thead>
          <tr>
            <th>Gate</th>
            <th>Exit</th>
            <th>Tree</th>
            <th>Took</th>
            <th>In</th>
            <th>Made by</th>
          </tr>
        </thead>
        <tbody>
          {receipts.map(({ gate, command, exitCode, tree, durationMs, image, flaky, reused, job, at, outputDigest }) => (
            <tr key={`${tree} ${gate} ${outputDigest} ${job}`}>
              <td>
                <strong>{gate}</strong> <code>{command}</code>
              </td>
              <td>
                <Badge tone={exitCode === 0 ? "ok" : "bad"}>{exitCode === 0 ? "green" : `exit ${exitCode}`}</Badge> {flaky && <Badge tone="warn">flaky</Badge>}
              </td>
              <td>
                <code title={tree}>{tree.slice(0, 12)}</code>
              </td>
              <td className={parts["number"]}>{duration(durationMs)}</td>
              <td>{image.length > 24 ? <code title={image}>{image.slice(0, 19)}…</code> : image}</td>
              <td>
                {job === undefined ? (
                  "–"
                ) : (
                  <Link to="/jobs/$job" params={{ job: String(job) }}>
                    verify job {job}
                  </Link>
                )}{" "}
                {reused && "(of an equal tree) "}
                {at !== undefined && <Ago at={at} />}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Card>
  );
}
