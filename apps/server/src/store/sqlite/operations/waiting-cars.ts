import type { Store } from "../../store.ts";
import type { Database } from "../database.ts";
import { CAR_COLUMNS, CARS_IN_ORDER, CARS_ON_THEIR_WAY, type CarRow, trainCar } from "../train-car.ts";

const CARS = `
  SELECT c.target, ${CAR_COLUMNS} FROM ${CARS_ON_THEIR_WAY} WHERE c.state IN ('pending', 'landing') AND c.repo_id = @repoId ORDER BY ${CARS_IN_ORDER}`;

export function waitingCars(db: Database, repoId: string): Awaited<ReturnType<Store["waitingCars"]>> {
  return db.all<CarRow & { readonly target: string }>(CARS, { repoId }).map(trainCar);
}
