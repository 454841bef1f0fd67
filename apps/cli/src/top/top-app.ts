import type { Client } from "@slipway/protocol/client";
import { isFinal } from "@slipway/protocol/states";
import { Box, Text, useInput, useWindowSize } from "ink";
import { createElement, type ReactElement, useEffect, useMemo, useReducer, useRef, useState, useSyncExternalStore } from "react";
import type { Colors } from "../terminal/screen.ts";
import { cut, padTo } from "../terminal/text.ts";
import { detailHead, logLine } from "./detail-lines.ts";
import { JobFeed } from "./job-feed.ts";
import { keysOf, type Press } from "./keys-of.ts";
import type { TopJob } from "./snapshot.ts";
import type { TopFeed } from "./top-feed.ts";
import { HELP, headerLines, type LineOptions, listRows, type Row } from "./top-lines.ts";

export interface TopAppProps {
  readonly client: Client;
  readonly feed: TopFeed;
  readonly colors: Colors;
  /** Opens a job's page; answers what to say of it. */
  readonly openPage: (job: number) => Promise<string>;
  readonly onQuit: (by: "key" | "interrupt") => void;
}

type View = { readonly kind: "list" } | { readonly kind: "help" } | { readonly kind: "job"; readonly id: string; readonly logOnly: boolean };
interface Ui {
  view: View;
  prompt: Prompt | null;
  filter: string;
  /** Id of the job that is chosen in the list. */
  chosen: string | null;
  /** Number of the last line of the log that is shown, of all that there were; null follows its end. */
  bottom: number | null;
}
type Prompt = { readonly kind: "filter" } | { readonly kind: "cancel"; readonly job: TopJob };

const TICK_MS = 1_000;
const MESSAGE_MS = 6_000;
const KEYS = "Enter open · c cancel · r retry · l log · o page · / filter · ? help · q quit";
const JOB_KEYS = "j k scroll · l log · c cancel · r retry · o page · Esc back";

/** The whole screen: header, list or job, and a line for keys, questions and messages. Every line is made to fit, so that nothing is ever broken by the terminal. */
export function TopApp({ client, feed, colors, openPage, onQuit }: TopAppProps): ReactElement {
  const { columns: width, rows: height } = useWindowSize();
  const { snapshot, lostAt } = useSyncExternalStore(feed.subscribe, () => feed.state);
  const now = useNow();
  const [, redraw] = useReducer((count: number) => count + 1, 0);
  // Several keys may come before the next drawing: each has to find what the one before it did.
  const ui = useRef<Ui>({ view: { kind: "list" }, prompt: null, filter: "", chosen: null, bottom: null }).current;
  const [message, setMessage] = useMessage();

  const options: LineOptions = { width: Math.max(width - 1, 10), colors, now };
  const header = headerLines(snapshot, lostAt, client.url, options);
  const bodyHeight = Math.max(height - header.length - 3, 1);
  const shownId = ui.view.kind === "job" ? ui.view.id : null;
  const jobFeed = useJobFeed(client, shownId);
  const all = snapshot ? [...snapshot.needsYou, ...snapshot.running, ...snapshot.integrating, ...snapshot.queued, ...snapshot.ended] : [];
  const lastSeen = useLast(shownId, all);
  const look = (): { rows: Row[]; jobs: TopJob[]; at: number; target: TopJob | undefined } => {
    const rows = snapshot ? listRows(snapshot, ui.filter, { ...options, width: options.width - 1 }) : [];
    const jobs = rows.flatMap(({ job }) => (job ? [job] : []));
    const found = jobs.findIndex(({ id }) => id === ui.chosen);
    const { view } = ui;
    return { rows, jobs, at: Math.max(found, 0), target: view.kind === "job" ? (all.find(({ id }) => id === view.id) ?? lastSeen) : jobs[Math.max(found, 0)] };
  };

  const act = (what: string, doing: () => Promise<string>): void => {
    setMessage(`${what} …`);
    doing().then(
      (text) => setMessage(text),
      (error: unknown) => setMessage(error instanceof Error ? error.message : String(error)),
    );
  };
  const cancel = ({ id, number }: TopJob): void =>
    act(`cancelling job ${number}`, async () => {
      const { job } = await client.call("cancelJob", { params: { job: id }, body: { reason: "by `slipway top`" } });
      feed.touch();
      return `job ${number} is ${job.state}`;
    });
  const retry = ({ id, number }: TopJob): void =>
    act(`trying job ${number} again`, async () => {
      const { job } = await client.call("retryJob", { params: { job: id }, body: {} });
      feed.touch();
      return job.number === number ? `job ${number} is ${job.state} again` : `job ${job.number} is a new try of job ${number}`;
    });
  const move = (by: (at: number, count: number) => number): void => {
    const { jobs, at } = look();
    ui.chosen = jobs[Math.min(Math.max(by(at, jobs.length), 0), jobs.length - 1)]?.id ?? null;
  };
  const show = (view: View): void => {
    ui.bottom = null;
    ui.view = view;
  };

  const onJobKey = (input: string): void => {
    const { target } = look();
    if (!target) return;
    if (input === "c") {
      if (isFinal(target.state)) setMessage(`job ${target.number} is ${target.state} already`);
      else ui.prompt = { kind: "cancel", job: target };
    } else if (input === "r") {
      if (target.state === "blocked" || isFinal(target.state)) retry(target);
      else setMessage(`job ${target.number} is ${target.state}: only what is blocked or over can be tried again`);
    } else if (input === "o") act(`opening the page of job ${target.number}`, async () => await openPage(target.number));
    else if (input === "l") show({ kind: "job", id: target.id, logOnly: !(ui.view.kind === "job" && ui.view.logOnly) });
  };
  const onListKey = ({ input, key }: Press): void => {
    const { target } = look();
    if (key.downArrow || input === "j") move((at) => at + 1);
    else if (key.upArrow || input === "k") move((at) => at - 1);
    else if (key.pageDown) move((at) => at + bodyHeight);
    else if (key.pageUp) move((at) => at - bodyHeight);
    else if (key.home || input === "g") move(() => 0);
    else if (key.end || input === "G") move((_, count) => count - 1);
    else if (key.return && target) show({ kind: "job", id: target.id, logOnly: false });
    else if (input === "/") ui.prompt = { kind: "filter" };
    else if (input === "?") show({ kind: "help" });
    else if (key.escape) ui.filter = "";
    else if (input === "q") onQuit("key");
    else onJobKey(input);
  };
  const onPaneKey = ({ input, key }: Press): void => {
    const last = (jobFeed?.dropped ?? 0) + (jobFeed?.lines.length ?? 0);
    const scroll = (by: number): void => {
      const to = Math.max((ui.bottom ?? last) + by, jobFeed?.dropped ?? 0);
      ui.bottom = to >= last ? null : to;
    };
    if (key.escape || input === "q" || (ui.view.kind === "help" && input === "?")) show({ kind: "list" });
    else if (key.upArrow || input === "k") scroll(-1);
    else if (key.downArrow || input === "j") scroll(1);
    else if (key.pageUp) scroll(-bodyHeight);
    else if (key.pageDown) scroll(bodyHeight);
    else if (key.home || input === "g") scroll(-last);
    else if (key.end || input === "G") scroll(last);
    else if (input === "?") show({ kind: "help" });
    else onJobKey(input);
  };
  const onPress = (press: Press): void => {
    const { input, key } = press;
    const { prompt } = ui;
    if (key.ctrl && input === "c") onQuit("interrupt");
    else if (prompt?.kind === "filter") {
      if (key.escape) ui.filter = "";
      if (key.escape || key.return) ui.prompt = null;
      else if (key.backspace) ui.filter = Array.from(ui.filter).slice(0, -1).join("");
      else if (!key.ctrl) ui.filter += input;
    } else if (prompt?.kind === "cancel") {
      ui.prompt = null;
      if (input === "y") cancel(prompt.job);
      else setMessage("nothing was cancelled");
    } else if (ui.view.kind === "list") onListKey(press);
    else onPaneKey(press);
  };
  useInput((input, key) => {
    for (const press of keysOf(input, key)) onPress(press);
    redraw();
  });

  const { view, prompt, filter, bottom } = ui;
  const { rows, jobs, at } = look();
  const body = ((): string[] => {
    if (view.kind === "help") return HELP.map(([keys, does]) => cut(`  ${padTo(keys, 10)} ${does}`, options.width));
    if (view.kind === "job") return jobBody(lastSeen, jobFeed, view.logOnly, { ...options, height: bodyHeight, bottom });
    if (!snapshot) return [colors.dim(cut(lostAt === undefined ? "Reading what there is …" : "The server does not answer.", options.width))];
    if (rows.length === 0)
      return [colors.dim(cut(filter === "" ? "No jobs yet: submit a first one with `slipway run`." : "No such jobs. Esc shows all.", options.width))];
    return listBody(rows, jobs[at]?.id, bodyHeight, options);
  })();
  const lines = [...header, "", ...body.slice(0, bodyHeight)];
  while (lines.length < header.length + 1 + bodyHeight) lines.push("");
  lines.push(footer(prompt, message, filter, view, options));
  return createElement(
    Box,
    { flexDirection: "column" },
    lines.map((line, index) => createElement(Text, { key: index, wrap: "truncate-end" }, line === "" ? " " : line)),
  );
}

function footer(prompt: Prompt | null, message: string | null, filter: string, view: View, { width, colors }: LineOptions): string {
  if (prompt?.kind === "filter") return cut(`filter: ${filter}▏`, width);
  if (prompt) return colors.yellow(cut(`Cancel job ${prompt.job.number}, ${prompt.job.title}? y: yes, any other key: no`, width));
  if (message !== null) return cut(message.replaceAll("\n", " "), width);
  const keys = view.kind === "list" ? KEYS : view.kind === "job" ? JOB_KEYS : "Esc back";
  return colors.dim(cut(filter === "" || view.kind !== "list" ? keys : `filter: ${filter} (Esc: all) · ${keys}`, width));
}

/** As much of the list as fits, with the chosen job in it. */
function listBody(rows: readonly Row[], chosen: string | undefined, height: number, { colors }: LineOptions): string[] {
  const at = Math.max(
    rows.findIndex(({ job }) => job !== undefined && job.id === chosen),
    0,
  );
  const from = Math.min(Math.max(at - Math.floor(height / 2), 0), Math.max(rows.length - height, 0));
  return rows.slice(from, from + height).map(({ text, job }) => {
    if (job === undefined || job.id !== chosen) return ` ${text}`;
    // The mark tells it where there are no colours.
    return `›${colors.inverse(text)}`;
  });
}

interface PaneOptions extends LineOptions {
  readonly height: number;
  readonly bottom: number | null;
}

function jobBody(job: TopJob | undefined, feed: JobFeed | null, logOnly: boolean, options: PaneOptions): string[] {
  const { width, colors, height, bottom } = options;
  if (!job || !feed) return [colors.dim("This job is not there any more.")];
  const full = detailHead(job, feed, options);
  // On a low screen the log keeps at least a third of it.
  const head = logOnly ? full.slice(0, 1) : full.slice(0, Math.max(Math.floor((height * 2) / 3), 2));
  const room = Math.max(height - head.length, 1);
  const count = feed.lines.length;
  const end = Math.min(Math.max(bottom === null ? count : bottom - feed.dropped, room), count);
  const shown = feed.lines.slice(Math.max(end - room, 0), end).map((line) => logLine(line, width, colors));
  if (feed.error !== undefined) shown.splice(-1, shown.length === room ? 1 : 0, colors.red(cut(feed.error, width)));
  const nothing = count === 0 && feed.error === undefined ? [colors.dim("No log yet.")] : [];
  return [...head.map((line, index) => (index === 0 ? colors.bold(line) : line)), ...shown, ...nothing];
}

function useNow(): number {
  const [now, tick] = useReducer(
    () => Date.now(),
    0,
    () => Date.now(),
  );
  useEffect(() => {
    const timer = setInterval(tick, TICK_MS);
    return () => clearInterval(timer);
  }, []);
  return now;
}

/** What is said for a few seconds. */
function useMessage(): [string | null, (text: string) => void] {
  const [message, setMessage] = useState<string | null>(null);
  useEffect(() => {
    if (message === null) return;
    const timer = setTimeout(() => setMessage(null), MESSAGE_MS);
    return () => clearTimeout(timer);
  }, [message]);
  return [message, setMessage];
}

/** Follows the job while its pane is open; draws at most as often as a person can read. */
function useJobFeed(client: Client, id: string | null): JobFeed | null {
  const [, redraw] = useReducer((count: number) => count + 1, 0);
  const feed = useMemo(() => {
    if (id === null) return null;
    let isDue = false;
    return new JobFeed(client, id, () => {
      if (isDue) return;
      isDue = true;
      setTimeout(() => {
        isDue = false;
        redraw();
      }, 100);
    });
  }, [client, id]);
  useEffect(() => {
    if (!feed) return;
    const controller = new AbortController();
    void feed.run(controller.signal);
    return () => controller.abort();
  }, [feed]);
  return feed;
}

/** The job of an open pane, also when it has gone from the list meanwhile. */
function useLast(id: string | null, jobs: readonly TopJob[]): TopJob | undefined {
  const [last, setLast] = useState<TopJob | undefined>(undefined);
  const found = id === null ? undefined : jobs.find((job) => job.id === id);
  useEffect(() => {
    if (found) setLast(found);
  }, [found]);
  return found ?? (last?.id === id ? last : undefined);
}
