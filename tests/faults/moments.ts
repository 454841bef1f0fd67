import { watch } from "node:fs";
import { join } from "node:path";
import type { Moment } from "../support/kill-switch.ts";
import type { PartName } from "../support/stack.ts";
import type { Scene } from "./scene.ts";

export type Victim = Exclude<PartName, "second">;

/** An instant in the life of a job at which a part is killed. */
export interface Instant {
  readonly name: string;
  /** A moment in the talk of worker or integrator with the server, or the first file of this name below the hub's store. */
  readonly at: Moment | { readonly file: RegExp; readonly below: string };
  /** Whom continuous integration kills then; `SLIPWAY_FAULTS=all` kills each of them. */
  readonly short: readonly Victim[];
}

const CLAIM = /^POST \/v1\/claims$/;
const EVENTS = /^POST \/v1\/attempts\/[^/]+\/\d+\/events$/;
const SETUP_LOG = /^PUT \/v1\/attempts\/.*\/artifacts\/setup\.log$/;
const GATE_LOG = /^PUT \/v1\/attempts\/.*\/artifacts\/gate-/;
const PUSH = /^POST \/git\/.*\/git-receive-pack$/;
const FINISH = /\/finish$/;
const JOB_REF = /refs\/slipway\/jobs\//;
const MERGE_REF = /refs\/slipway\/merge/;

function phase(name: string, status: "started" | "ended"): RegExp {
  return new RegExp(`"phase":"${name}","status":"${status}"`);
}

/** From the claim to the landing, in order. */
export const INSTANTS: readonly Instant[] = [
  { name: "the claim is answered", at: { request: CLAIM, body: /"task"/, when: "after" }, short: ["worker"] },
  { name: "the setup runs", at: { request: EVENTS, body: phase("setup", "started"), when: "before" }, short: ["worker"] },
  { name: "the setup's log is about to be stored", at: { request: SETUP_LOG, when: "before" }, short: [] },
  { name: "the setup's log is stored", at: { request: SETUP_LOG, when: "after" }, short: [] },
  { name: "the turn begins", at: { request: EVENTS, body: /"kind":"turn","data":\{"turn":1,"status":"started"/, when: "before" }, short: [] },
  { name: "the turn runs", at: { request: EVENTS, body: /said 4/, when: "before" }, short: ["server", "worker"] },
  { name: "events of the turn are stored", at: { request: EVENTS, body: /said 7/, when: "after" }, short: ["server", "worker"] },
  { name: "the agent's output is on its way", at: { request: EVENTS, body: /line 20\b/, when: "after" }, short: ["worker"] },
  { name: "the turn has ended", at: { request: EVENTS, body: phase("turn", "ended"), when: "before" }, short: [] },
  { name: "a gate runs", at: { request: EVENTS, body: phase("gates", "started"), when: "before" }, short: ["worker"] },
  { name: "a gate's log is about to be stored", at: { request: GATE_LOG, when: "before" }, short: [] },
  { name: "a gate's log is stored", at: { request: GATE_LOG, when: "after" }, short: ["worker"] },
  { name: "the commit is being made", at: { request: EVENTS, body: phase("commit", "started"), when: "before" }, short: ["server", "worker"] },
  { name: "the commit is made", at: { request: EVENTS, body: phase("commit", "ended"), when: "before" }, short: ["worker"] },
  { name: "the push begins", at: { request: PUSH, body: JOB_REF, when: "before" }, short: ["worker"] },
  { name: "the push is taken", at: { request: PUSH, body: JOB_REF, when: "after" }, short: ["server", "worker"] },
  { name: "the finish is asked for", at: { request: FINISH, body: /"kind":"change"/, when: "before" }, short: ["worker"] },
  { name: "the finish is stored", at: { request: FINISH, body: /"kind":"change"/, when: "after" }, short: ["server", "worker"] },
  { name: "the completion is claimed", at: { request: /^POST \/v1\/completion-claims$/, when: "after" }, short: ["integrator"] },
  { name: "the merge is about to be pushed", at: { request: PUSH, body: MERGE_REF, when: "before" }, short: [] },
  { name: "the merge is pushed", at: { request: PUSH, body: MERGE_REF, when: "after" }, short: ["integrator"] },
  { name: "the verification is asked for", at: { request: /\/verify$/, when: "before" }, short: [] },
  { name: "the verify job is made", at: { request: /\/verify$/, when: "after" }, short: ["server"] },
  { name: "the verify job is claimed", at: { request: CLAIM, body: /"verify"/, when: "after" }, short: [] },
  { name: "the merged tree is verified", at: { request: EVENTS, body: phase("verify", "started"), when: "before" }, short: ["worker", "integrator"] },
  { name: "the receipts are about to be reported", at: { request: FINISH, body: /"kind":"verified"/, when: "before" }, short: ["worker"] },
  { name: "the receipts are stored", at: { request: FINISH, body: /"kind":"verified"/, when: "after" }, short: [] },
  { name: "the landing is asked for", at: { request: /\/land$/, when: "before" }, short: ["integrator"] },
  { name: "the landed objects are being copied", at: { file: /^incoming-/, below: "" }, short: ["server"] },
  { name: "the target is locked to be moved", at: { file: /^trunk\.lock$/, below: "refs/heads" }, short: [] },
  { name: "the target has moved", at: { file: /^trunk$/, below: "refs/heads" }, short: ["server"] },
  { name: "the landing is done", at: { request: /\/land$/, when: "after" }, short: ["server", "integrator"] },
];

/** Acts at an instant; resolves when `act` has. */
export function at(instant: Instant, scene: Scene, act: () => Promise<unknown>): Promise<void> {
  if ("request" in instant.at) return scene.stack.between.arm(instant.at, act);
  const { file, below } = instant.at;
  const seen = Promise.withResolvers<void>();
  const watcher = watch(join(scene.hub, below), (_, name) => {
    if (!name || !file.test(name)) return;
    watcher.close();
    act().then(() => seen.resolve(), seen.reject);
  });
  watcher.on("error", seen.reject);
  return seen.promise;
}

/** The instant of this name; throws where there is none. */
export function instantCalled(name: string): Instant {
  const found = INSTANTS.find((instant) => instant.name === name);
  if (!found) throw new Error(`no instant is called ${name}`);
  return found;
}

/** The same instant, but the request is only held back until the test has acted, and then goes on. */
export function late(instant: Instant): Instant {
  if (!("request" in instant.at)) throw new Error(`${instant.name} is no moment of a request`);
  return { ...instant, at: { ...instant.at, goesOn: true } };
}
