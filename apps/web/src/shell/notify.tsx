import * as Ariakit from "@ariakit/react";
import type { JobView } from "@slipway/protocol/job";
import type { JobState } from "@slipway/protocol/states";
import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { Bell, BellRing } from "lucide-react";
import { useEffect, useRef, useState, useSyncExternalStore } from "react";
import { call } from "../api/call.ts";
import { ask } from "../api/queries.ts";
import { buttonClass } from "../parts/button.tsx";
import css from "./notify.module.css";

/** Ends of jobs that may be told of. */
const EVENTS = [
  { state: "blocked", text: "A job needs you" },
  { state: "failed", text: "A job failed" },
  { state: "done", text: "A job landed, or is done" },
] as const satisfies ReadonlyArray<{ state: JobState; text: string }>;
type Told = (typeof EVENTS)[number]["state"];

const KEY = "slipway-notify";
/** Jobs that ended at the same moment, at most; who comes back after a night is not told of hundreds. */
const AT_ONCE = 5;
const listeners = new Set<() => void>();
let chosen: readonly Told[] = stored();

function stored(): readonly Told[] {
  try {
    const value: unknown = JSON.parse(localStorage.getItem(KEY) ?? "[]");
    return Array.isArray(value) ? EVENTS.map(({ state }) => state).filter((state) => value.includes(state)) : [];
  } catch {
    // Something else wrote it: nothing is chosen then.
    return [];
  }
}

function choose(next: readonly Told[]): void {
  chosen = next;
  localStorage.setItem(KEY, JSON.stringify(next));
  for (const listener of listeners) listener();
}

function useChosen(): readonly Told[] {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => chosen,
  );
}

/** Undefined where this page may show none at all: it came over plain HTTP from another machine. */
function permission(): NotificationPermission | undefined {
  return "Notification" in window ? Notification.permission : undefined;
}

/** Chooses of which ends of jobs the desktop tells while this page is open, and tells of them. The browser is asked for leave when somebody chooses the first. */
export function NotifyChoice() {
  const told = useChosen();
  const [leave, setLeave] = useState(permission);
  const isOn = told.length > 0 && leave === "granted";
  const toggle = async (state: Told): Promise<void> => {
    if (told.includes(state)) return choose(told.filter((one) => one !== state));
    const answer = permission() === "default" ? await Notification.requestPermission() : permission();
    setLeave(answer);
    if (answer === "granted") choose([...told, state]);
  };
  return (
    <Ariakit.PopoverProvider placement="bottom-end">
      <Ariakit.PopoverDisclosure
        className={buttonClass({ look: "quiet", small: true })}
        aria-label={isOn ? "Desktop notifications: on" : "Desktop notifications: off"}
        title="Desktop notifications"
      >
        {isOn ? <BellRing size={16} aria-hidden /> : <Bell size={16} aria-hidden />}
      </Ariakit.PopoverDisclosure>
      <Ariakit.Popover className={css["panel"]} gutter={4} aria-label="Desktop notifications" unmountOnHide>
        <p className={css["note"]}>Told by the desktop while this page is open:</p>
        {EVENTS.map(({ state, text }) => (
          <label key={state} className={css["item"]}>
            <input type="checkbox" checked={leave === "granted" && told.includes(state)} onChange={() => void toggle(state)} />
            {text}
          </label>
        ))}
        {leave === "denied" && (
          <p className={css["note"]}>This browser shows none from here. Allow notifications for this page in the browser, then choose again.</p>
        )}
        {leave === undefined && <p className={css["note"]}>This page may show none: it has to come over HTTPS, or from this machine.</p>}
      </Ariakit.Popover>
      {isOn && <Teller told={told} />}
    </Ariakit.PopoverProvider>
  );
}

/** Watches the jobs that are not over: one that is no longer among them has become something that may be told. */
function Teller({ told }: { told: readonly Told[] }) {
  const navigate = useNavigate();
  const { data } = useQuery(ask("listJobs", { query: { state: ["queued", "running", "integrating"], kind: ["task"], limit: 200 } }));
  const before = useRef<ReadonlySet<string> | null>(null);
  useEffect(() => {
    if (!data) return;
    const now = new Set(data.jobs.map(({ id }) => id));
    const gone = [...(before.current ?? [])].filter((id) => !now.has(id)).slice(-AT_ONCE);
    before.current = now;
    for (const id of gone) {
      call("getJob", { params: { job: id } }).then(
        ({ job }) => {
          if (told.some((state) => state === job.state)) show(job, () => void navigate({ to: "/jobs/$job", params: { job: String(job.number) } }));
        },
        // The page says by itself that the server does not answer.
        () => undefined,
      );
    }
  }, [data, told, navigate]);
  return null;
}

function show(job: JobView, open: () => void): void {
  const { id, number, title, state, failure, landedOid, target } = job;
  const what = state === "blocked" ? "needs you" : state === "failed" ? "failed" : landedOid === null ? "is done" : `landed on ${target}`;
  const notification = new Notification(`Job ${number} ${what}`, {
    body: [title, failure?.message].filter(Boolean).join("\n").slice(0, 300),
    // Several pages that are open are one desktop: the same tag is shown once.
    tag: `slipway-${id}-${state}`,
    icon: "/favicon.svg",
  });
  notification.onclick = () => {
    window.focus();
    open();
    notification.close();
  };
}
