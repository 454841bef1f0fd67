import type { WorkerReport, WorkerSignal } from "@slipway/protocol/worker-api";
import type { WebSocket } from "ws";
import { keepAlive, PING_MS } from "../http/keep-alive.ts";

/** The open signal connections of workers. A worker counts as connected while it has one. */
export class WorkerSignals {
  readonly #sockets = new Map<string, Set<WebSocket>>();
  /** Why a connected worker claims nothing for now. */
  readonly #held = new Map<string, string>();
  /** What a connected worker last said of itself. */
  readonly #reports = new Map<string, WorkerReport>();
  readonly #pingMs: number;

  readonly #onChange: () => void;

  /** `onChange` is called when a worker connects or is gone. */
  constructor(pingMs = PING_MS, onChange: () => void = () => undefined) {
    this.#pingMs = pingMs;
    this.#onChange = onChange;
  }

  /** Takes a connection until it closes. `onAlive` is called at the start and with every sign of life. */
  add(workerId: string, socket: WebSocket, onAlive: () => void): void {
    let sockets = this.#sockets.get(workerId);
    if (!sockets) {
      sockets = new Set();
      this.#sockets.set(workerId, sockets);
    }
    sockets.add(socket);
    keepAlive(socket, this.#pingMs, onAlive);
    socket.once("close", () => {
      const open = this.#sockets.get(workerId);
      open?.delete(socket);
      if (open?.size !== 0) return;
      this.#sockets.delete(workerId);
      this.#held.delete(workerId);
      this.#reports.delete(workerId);
      this.#onChange();
    });
    this.#onChange();
    onAlive();
  }

  /** Sends at once to every connection of the worker. False where there is none: then the worker learns it with its next renewal. */
  send(workerId: string, signal: WorkerSignal): boolean {
    const sockets = this.#sockets.get(workerId);
    if (!sockets) return false;
    const text = JSON.stringify(signal);
    for (const socket of sockets) socket.send(text);
    return true;
  }

  isConnected(workerId: string): boolean {
    return this.#sockets.has(workerId);
  }

  /** Keeps why a worker claims nothing for now, for as long as it is connected; null: it claims again. */
  hold(workerId: string, reason: string | null): void {
    if (reason === null || !this.isConnected(workerId)) this.#held.delete(workerId);
    else this.#held.set(workerId, reason);
  }

  /** Why it claims nothing for now; null where it does, as far as it has said. */
  heldBy(workerId: string): string | null {
    return this.#held.get(workerId) ?? null;
  }

  /** Keeps what a worker says of itself, for as long as it is connected. */
  report(workerId: string, report: WorkerReport): void {
    if (this.isConnected(workerId)) this.#reports.set(workerId, report);
  }

  /** What a worker last said of itself; nothing where it has not, or is not connected. */
  reportOf(workerId: string): WorkerReport {
    return this.#reports.get(workerId) ?? { images: [], warnings: [], brokenBackends: [], agents: [] };
  }

  close(): void {
    for (const sockets of this.#sockets.values()) {
      for (const socket of sockets) socket.close(1001, "the server closes");
    }
  }
}
