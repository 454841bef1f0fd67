import { Link } from "@tanstack/react-router";
import css from "./parts.module.css";

/** Leads to a job; a row for `j` and `k`. */
export function JobLink({ number, title }: { number: number; title?: string }) {
  return (
    <Link to="/jobs/$job" params={{ job: String(number) }} className={css["jobLink"]} data-row>
      <span className={css["jobNumber"]}>#{number}</span>
      {title !== undefined && ` ${title}`}
    </Link>
  );
}
