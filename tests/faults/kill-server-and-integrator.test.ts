import { killMatrix } from "./kill-matrix.ts";

killMatrix(["server", "integrator"]);
