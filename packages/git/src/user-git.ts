import type { SimpleGit } from "simple-git";
import { gitEnvironment } from "./environment.ts";

/**
 * simple-git on a person's own checkout, with their configuration, so that it sees what their `git status` shows. Their hooks and fsmonitor stay off:
 * the environment says so, and simple-git takes such settings only where they are allowed by name.
 */
export async function userGit(dir: string): Promise<SimpleGit> {
  const { simpleGit } = await import("simple-git");
  const env = gitEnvironment({ configuration: "user" });
  const allowEnvironment = Object.keys(env).filter((name) => name.startsWith("GIT_"));
  return simpleGit({
    baseDir: dir,
    allowEnvironment,
    unsafe: {
      allowUnsafeHooksPath: true,
      allowUnsafeFsMonitor: true,
      allowUnsafeConfigEnvCount: true,
      allowUnsafeSshCommand: true,
      allowUnsafeAskPass: true,
      allowUnsafeEditor: true,
      allowUnsafePager: true,
      allowUnsafeCredentialHelper: true,
    },
  }).env(env);
}
