/** Times that Codex tries a request again, and a stream that broke off: the job's own retries come on top. */
export const CODEX_RETRIES = 2;

/**
 * What is off for Codex in a job, however it is driven: what looks outside, waits for a person, or waits without an end. Goals, for which it would go on after
 * its turn. Hooks, which an agent could plant for its next one. And the snapshot of the shell, which writes the job's environment to disk and leaves its processes behind when it is interrupted.
 */
export const CODEX_FEATURES_OFF = [
  "apps",
  "browser_use",
  "computer_use",
  "daemon_auto_start",
  "goals",
  "hooks",
  "image_generation",
  "in_app_browser",
  "plugins",
  "remote_plugin",
  "shell_snapshot",
  "skill_mcp_dependency_install",
  "tool_suggest",
  "unbounded_connection_retries",
] as const;
