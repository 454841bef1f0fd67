/** An agent's process that waits for the next turn. */
export interface ResidentAgent {
  /** Whether it could take another turn. */
  readonly isAlive: boolean;
  /** Ends it and what it started. */
  end(): Promise<void>;
}

/**
 * Agents that stay between the turns of a conversation, so that a revision needs no new start. One for each home: the runner lives as long as the attempt's
 * sandbox, and what is in it ends with it. After a crash there is none, and a backend goes on by the session's id.
 */
export class ResidentAgents<Agent extends ResidentAgent> {
  #ahead: Agent | undefined;
  readonly #byHome = new Map<string, Agent>();

  /** Takes the home's agent out, for a turn; undefined where there is none that lives. What does not fit (other settings, say) the caller ends. */
  take(home: string): Agent | undefined {
    const agent = this.#byHome.get(home);
    this.#byHome.delete(home);
    return agent?.isAlive ? agent : undefined;
  }

  /** Keeps it for the next turn. One that was kept before is ended. */
  async keep(home: string, agent: Agent): Promise<void> {
    const before = this.#byHome.get(home);
    this.#byHome.set(home, agent);
    if (before && before !== agent) await before.end();
  }

  /** Keeps one that was started ahead of the sandbox's first turn. One that was kept before is ended. */
  async keepAhead(agent: Agent): Promise<void> {
    const before = this.#ahead;
    this.#ahead = agent;
    await before?.end();
  }

  /** Takes out the one that was started ahead; undefined where there is none that lives. */
  takeAhead(): Agent | undefined {
    const agent = this.#ahead;
    this.#ahead = undefined;
    return agent?.isAlive ? agent : undefined;
  }

  /** Ends all of them; for tests, and for the end of a runner. */
  async endAll(): Promise<void> {
    const agents = [...this.#byHome.values(), ...(this.#ahead ? [this.#ahead] : [])];
    this.#ahead = undefined;
    this.#byHome.clear();
    await Promise.all(agents.map((agent) => agent.end()));
  }
}
