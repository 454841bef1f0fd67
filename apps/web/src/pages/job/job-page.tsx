import type { JobDetail } from "@slipway/protocol/job";
import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useParams } from "@tanstack/react-router";
import { lazy, type ReactNode, Suspense, useEffect, useRef } from "react";
import { ask } from "../../api/queries.ts";
import { useKeys } from "../../parts/keys.ts";
import { Empty, FailureNote, Loading } from "../../parts/states.tsx";
import { ArtifactsTab } from "./artifacts/artifacts-tab.tsx";
import { DetailsTab } from "./details/details-tab.tsx";
import { FindingsTab } from "./findings/findings-tab.tsx";
import { GatesTab } from "./gates/gates-tab.tsx";
import { JobHead } from "./head/job-head.tsx";
import css from "./job.module.css";
import { OverviewTab } from "./overview/overview-tab.tsx";
import { StreamNotice } from "./stream/stream-notice.tsx";
import { StreamProvider } from "./stream/use-stream.tsx";
import { TABS, type TabId, tabOf } from "./tabs.ts";
import { useMarks } from "./use-marks.ts";

const LogTab = lazy(async () => ({ default: (await import("./log/log-tab.tsx")).LogTab }));
const TranscriptTab = lazy(async () => ({ default: (await import("./transcript/transcript-tab.tsx")).TranscriptTab }));
const DiffTab = lazy(async () => ({ default: (await import("./diff/diff-tab.tsx")).DiffTab }));

/** All of one job: how it stands, and each part of it under an address of its own. */
export function JobPage() {
  const { job = "", tab } = useParams({ strict: false });
  const query = useQuery(ask("getJob", { params: { job } }));
  // What the page knew of another job says nothing of this one.
  const detail = query.isPlaceholderData ? undefined : query.data;
  if (detail) return <Job key={detail.job.id} detail={detail} tab={tab} />;
  if (query.error?.code === "NOT_FOUND") {
    return (
      <Empty title={`There is no job ${job}.`}>
        <span>
          <Link to="/jobs">All jobs</Link>, or <code>slipway jobs</code>, show those that there are.
        </span>
      </Empty>
    );
  }
  if (query.error) return <FailureNote failure={query.error} title={`Could not load job ${job}.`} />;
  return <Loading what={`job ${job}`} />;
}

function Job({ detail, tab }: { detail: JobDetail; tab: string | undefined }) {
  const { job } = detail;
  const shown = tabOf(tab);
  useEffect(() => {
    document.title = `#${job.number} ${job.title} · Slipway`;
    return () => {
      document.title = "Slipway";
    };
  }, [job.number, job.title]);
  return (
    <StreamProvider job={job.id} lastSeq={job.lastSeq}>
      <JobHead detail={detail} />
      <Tabs detail={detail} shown={shown} />
      <StreamNotice />
      <Suspense fallback={<Loading what={`the ${shown ?? "page"}`} />}>
        {shown ? PARTS[shown](detail) : <Empty title={`A job has no part called ${tab}.`}>Choose one of those above.</Empty>}
      </Suspense>
    </StreamProvider>
  );
}

const PARTS: Readonly<Record<TabId, (detail: JobDetail) => ReactNode>> = {
  overview: (detail) => <OverviewTab detail={detail} />,
  transcript: (detail) => <TranscriptTab detail={detail} />,
  log: (detail) => <LogTab detail={detail} />,
  diff: (detail) => <DiffTab detail={detail} />,
  gates: (detail) => <GatesTab detail={detail} />,
  findings: (detail) => <FindingsTab detail={detail} />,
  artifacts: (detail) => <ArtifactsTab detail={detail} />,
  details: (detail) => <DetailsTab detail={detail} />,
};

function Tabs({ detail, shown }: { detail: JobDetail; shown: TabId | undefined }) {
  const job = String(detail.job.number);
  const navigate = useNavigate();
  const marks = useMarks(detail);
  const bar = useRef<HTMLElement>(null);
  // On a narrow screen the bar scrolls.
  useEffect(() => {
    const link = bar.current?.querySelector<HTMLElement>(`[href$="/${shown}"]`);
    if (bar.current && link) bar.current.scrollLeft = link.offsetLeft - bar.current.offsetLeft - 40;
  }, [shown]);
  useKeys(Object.fromEntries(TABS.map(({ id }, index) => [String(index + 1), () => void navigate({ to: "/jobs/$job/$tab", params: { job, tab: id } })])));
  return (
    <nav ref={bar} className={css["tabs"]} aria-label="Parts of the job">
      {TABS.map(({ id, name }, index) => (
        <Link key={id} to="/jobs/$job/$tab" params={{ job, tab: id }} aria-current={id === shown ? "page" : undefined} title={`Key ${index + 1}`}>
          {name}
          {marks[id] && <span className={css[marks[id].isBad ? "markBad" : "mark"]}>{marks[id].text}</span>}
        </Link>
      ))}
    </nav>
  );
}
