import { afterEach, beforeEach, vi } from "vitest";
import { KillSwitch, type Moment } from "../support/kill-switch.ts";
import { LandingBench } from "../support/landing-bench.ts";

/** What the files of an integrator that is killed have in common: a server, an integrator that each test starts, and what stands between the two. */

const CONFIG = "gates:\n  - name: test\n    run: node --test\n";

// Each test starts several processes; a busy machine takes its time.
vi.setConfig({ testTimeout: 60_000 });

export let bench: LandingBench;
export let between: KillSwitch;

beforeEach(async () => {
  bench = await LandingBench.open({ ".slipway.yaml": CONFIG, "a.txt": "one\n" });
  between = await KillSwitch.open(() => bench.url);
});

afterEach(async () => {
  await between[Symbol.asyncDispose]();
  await bench[Symbol.asyncDispose]();
});

/** From the claim to the landing, in order. */
export const moments: Array<Moment & { step: string }> = [
  { step: "the claim is answered", request: /^POST \/v1\/completion-claims$/, when: "after" },
  { step: "the push begins", request: /^POST \/git\/.*\/git-receive-pack$/, when: "before" },
  { step: "the push is taken", request: /^POST \/git\/.*\/git-receive-pack$/, when: "after" },
  { step: "the verification is asked for", request: /\/verify$/, when: "before" },
  { step: "the verification is accepted", request: /\/verify$/, when: "after" },
  { step: "the verify job is awaited", request: /^GET \/v1\/jobs\/.*waitMs/, when: "before" },
  { step: "the verify job has ended", request: /^GET \/v1\/jobs\/.*waitMs/, when: "after" },
  { step: "the landing is asked for", request: /\/land$/, when: "before" },
  { step: "the landing is done", request: /\/land$/, when: "after" },
];
