import { killMatrix } from "./kill-matrix.ts";

killMatrix(["worker"]);
