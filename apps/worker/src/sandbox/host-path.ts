/** PATH of the worker, as it is for all that has the machine's own programs. */
export function hostPath(): string {
  return process.env["PATH"] || "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
}
