/** Times that Claude Code tries a request again: the job's own retries come on top. */
const RETRIES = 2;

/** Tools that are off for Claude Code in a job, however it is driven: they wait for another time, leave the workspace, or ask the world outside. */
export const CLAUDE_TOOLS_OFF = [
  "CronCreate",
  "CronDelete",
  "CronList",
  "EnterWorktree",
  "ExitWorktree",
  "Monitor",
  "ScheduleWakeup",
  "WebFetch",
  "Workflow",
] as const;

/** Variables with which Claude Code looks up nothing outside, keeps nothing for another job, and starts nothing that nobody asked for, however it is driven. */
export const CLAUDE_ENVIRONMENT = {
  // Root may run without questions only inside of a sandbox.
  IS_SANDBOX: "1",
  CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1",
  DISABLE_AUTOUPDATER: "1",
  CLAUDE_CODE_DISABLE_AUTO_MEMORY: "1",
  CLAUDE_CODE_DISABLE_CRON: "1",
  // What ends later would have the model go on after its turn.
  CLAUDE_CODE_DISABLE_BACKGROUND_TASKS: "1",
  CLAUDE_CODE_DISABLE_OFFICIAL_MARKETPLACE_AUTOINSTALL: "1",
  CLAUDE_CODE_IDE_SKIP_AUTO_INSTALL: "1",
  // All tools are there from the start: there are no servers that would bring hundreds, and not every model server knows the search for tools.
  ENABLE_TOOL_SEARCH: "false",
  // CLAUDE.md and rules of further folders that it is told of, and nothing else of them.
  CLAUDE_CODE_ADDITIONAL_DIRECTORIES_CLAUDE_MD: "1",
  CLAUDE_CODE_MAX_RETRIES: String(RETRIES),
  // Where there is a zsh it would take that, which does not know of `BASH_ENV`: there the variables of a job are for a process that was started ahead.
  SHELL: "/bin/bash",
} as const;
