import { afterEach, beforeEach, describe } from "vitest";
import { accepting } from "./accepting.ts";
import { accounts } from "./accounts.ts";
import { auditing } from "./auditing.ts";
import { circuits } from "./circuits.ts";
import { claims } from "./claims.ts";
import { completions } from "./completions.ts";
import { deliveries } from "./deliveries.ts";
import { dueTimes } from "./due-times.ts";
import { events } from "./events.ts";
import { finishes } from "./finishes.ts";
import type { OpenedStore, OpenStore } from "./fixtures.ts";
import { gates } from "./gates.ts";
import { jobs } from "./jobs.ts";
import { modelCallProperties } from "./model-call-properties.ts";
import { modelCallTests } from "./model-calls.ts";
import { notifying } from "./notifying.ts";
import { properties } from "./properties.ts";
import { pruning } from "./pruning.ts";
import { reaping } from "./reaping.ts";
import { reservedAheadTests } from "./reserved-ahead.ts";
import { revisions } from "./revisions.ts";
import { routes } from "./routes.ts";
import { transitions } from "./transitions.ts";

/** The promises of `Store`: every implementation passes all of them. */
export function storeConformance(name: string, open: OpenStore): void {
  describe(`store conformance: ${name}`, () => {
    let opened: OpenedStore;
    beforeEach(async () => {
      opened = await open();
    });
    afterEach(async () => {
      await opened.close();
    });
    const current = () => opened;
    describe("repositories, tokens and workers", () => accounts(current));
    describe("jobs", () => jobs(current));
    describe("claims and leases", () => claims(current));
    describe("accepting", () => accepting(current));
    describe("finishing", () => finishes(current));
    describe("reaping", () => reaping(current));
    describe("routes", () => routes(current));
    describe("circuits", () => circuits(open));
    describe("due times", () => dueTimes(current, open));
    describe("events", () => events(current, open));
    describe("audit", () => auditing(current));
    describe("pruning", () => pruning(current));
    describe("completions", () => completions(current));
    describe("revisions", () => revisions(current));
    describe("deliveries", () => deliveries(current));
    describe("gates", () => gates(current));
    describe("notifications", () => notifying(open));
    describe("model calls", () => modelCallTests(current));
    describe("model calls reserved ahead", () => reservedAheadTests(current));
  });
  describe(`store properties: ${name}`, () => {
    transitions(open);
    properties(open);
    modelCallProperties(open);
  });
}
