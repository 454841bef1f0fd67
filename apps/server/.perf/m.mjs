import { readFileSync } from "node:fs";
const rss = () => Number(/Private_Dirty:\s+(\d+)/.exec(readFileSync("/proc/self/smaps_rollup", "utf8"))[1]) / 1024;
const a = rss(); const t=performance.now();
for (const m of process.argv.slice(2)) await import(m);
console.log(process.argv.slice(2).join(" ").padEnd(40), "+", (rss() - a).toFixed(1), "MB dirty of", a.toFixed(0), (performance.now()-t).toFixed(0)+"ms", "heapUsed", (process.memoryUsage().heapUsed/1e6).toFixed(1));
