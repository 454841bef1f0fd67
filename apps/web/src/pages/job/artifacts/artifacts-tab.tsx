import type { ArtifactView } from "@slipway/protocol/evidence";
import type { JobDetail } from "@slipway/protocol/job";
import { useQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { addressOf } from "../../../api/call.ts";
import { ask } from "../../../api/queries.ts";
import { Button, buttonClass } from "../../../parts/button.tsx";
import { Card } from "../../../parts/card.tsx";
import { bytes } from "../../../parts/format.ts";
import parts from "../../../parts/parts.module.css";
import { Empty, Known } from "../../../parts/states.tsx";
import { Ago } from "../../../parts/time.tsx";
import { Words } from "../head/words.tsx";
import css from "../job.module.css";
import { Artifact } from "./artifact.tsx";

/** What is larger is for an editor. */
const SHOWN_BYTES = 8_388_608;

/** What the job's attempts stored, and what is made of it when it is asked for. Which one is open is in the address. */
export function ArtifactsTab({ detail: { job } }: { detail: JobDetail }) {
  const query = useQuery(ask("listArtifacts", { params: { job: job.id } }));
  const { artifact: open } = useSearch({ strict: false }) as Readonly<Record<string, string>>;
  const navigate = useNavigate();
  const show = (name: string | undefined): void =>
    void navigate({
      to: "/jobs/$job/$tab",
      params: { job: String(job.number), tab: "artifacts" },
      search: name === undefined ? {} : { artifact: name },
      replace: true,
      resetScroll: false,
    });
  return (
    <Known query={query} what="the artifacts">
      {({ artifacts }) =>
        artifacts.length === 0 ? (
          <Empty title="There are no artifacts." />
        ) : (
          <div className={css["stack"]}>
            {open !== undefined && artifacts.some(({ name }) => name === open) && (
              <Card
                title={open}
                side={
                  <Button small onClick={() => show(undefined)}>
                    Close
                  </Button>
                }
              >
                <Artifact key={open} job={job.id} name={open} />
              </Card>
            )}
            <Card title="Artifacts" flush>
              <table className={css["table"]}>
                <thead>
                  <tr>
                    <th>Name</th>
                    <th>Size</th>
                    <th>Stored</th>
                    <th>
                      <span className="visually-hidden">Look at it</span>
                    </th>
                  </tr>
                </thead>
                <tbody>
                  {artifacts.map((artifact) => (
                    <Row key={artifact.name} artifact={artifact} job={job.id} isOpen={artifact.name === open} show={show} />
                  ))}
                </tbody>
              </table>
            </Card>
          </div>
        )
      }
    </Known>
  );
}

interface RowProps {
  readonly artifact: ArtifactView;
  readonly job: string;
  readonly isOpen: boolean;
  readonly show: (name: string | undefined) => void;
}

function Row({ artifact: { name, what, bytes: size, at, fence }, job, isOpen, show }: RowProps) {
  return (
    <tr>
      <td>
        <strong>{name}</strong>
        <p className={css["muted"]}>
          <Words text={what} />
        </p>
      </td>
      <td className={parts["number"]}>{size === null ? "–" : bytes(size)}</td>
      <td>
        {at === null ? "made when asked for" : <Ago at={at} />}
        {fence !== null && `, attempt ${fence}`}
      </td>
      <td className={css["buttons"]}>
        {(size ?? 0) <= SHOWN_BYTES && (
          <Button small aria-expanded={isOpen} onClick={() => show(isOpen ? undefined : name)} aria-label={`${isOpen ? "Hide" : "Show"} ${name}`}>
            {isOpen ? "Hide" : "Show"}
          </Button>
        )}
        <a className={buttonClass({ small: true })} href={addressOf("getArtifact", { params: { job, name } })} download={name} aria-label={`Download ${name}`}>
          Download
        </a>
      </td>
    </tr>
  );
}
