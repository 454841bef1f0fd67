import { LandingBench } from "../support/landing-bench.ts";
const median = (a: number[]) => a.sort((x, y) => x - y)[Math.floor(a.length / 2)];
for (const gates of [false, true]) {
  const files: Record<string,string> = {};
  for (let i = 0; i < 100; i++) files[`src/f${i}.txt`] = `file ${i}\n`.repeat(50);
  if (gates) files[".slipway.yaml"] = "gates:\n  - name: test\n    run: true\n".replace("true","'true'");
  await using bench = await LandingBench.open(files);
  let verifyMs: number[] = [];
  await bench.startIntegrator();
  const id0 = await bench.finishedJob("main", { "x": "x" });
  const base = (await bench.ended(id0)).job.baseOid;
  for (const kind of ["ff", "merge"]) {
    const times: number[] = [];
    for (let i = 0; i < 20; i++) {
      const tip = (await bench.branch("main")).oid!;
      if (kind === "ff") await bench.fetchFromHub(tip);
      const id = await bench.finishedJob("main", { [`${kind}-${i}.txt`]: "a\n" }, kind === "ff" ? tip : base);
      const { job } = await bench.ended(id);
      if (job.state !== "done") throw new Error(JSON.stringify(job.failure));
      const line = await bench.logged((l) => l.msg === "completion ended" && l["job"] === job.number);
      times.push(line["durationMs"] as number);
    }
    console.log(JSON.stringify({ gates, kind, medianMs: median(times), minMs: times[0], maxMs: times.at(-1) }));
  }
}
