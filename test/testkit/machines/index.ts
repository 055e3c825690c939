import { batchMatters } from "./batch-matters.ts";
import { chanceInApply } from "./chance-in-apply.ts";
import { clockInApply } from "./clock-in-apply.ts";
import { floatOrder } from "./float-order.ts";
import { forgottenField } from "./forgotten-field.ts";
import { lateSnapshot } from "./late-snapshot.ts";
import { lentState } from "./lent-state.ts";
import { lossyCommand } from "./lossy-command.ts";
import { mapOrder } from "./map-order.ts";
import { mergingRestore } from "./merging-restore.ts";
import { retryPaysTwice } from "./retry-pays-twice.ts";
import type { Sample } from "./sample.ts";
import { sharedState } from "./shared-state.ts";
import { throwingRefusal } from "./throwing-refusal.ts";

/** Machines that are wrong, each in a way of its own that people do get wrong. */
export const BROKEN = [
  ...[clockInApply, chanceInApply, forgottenField, sharedState, lentState, lateSnapshot, mergingRestore],
  ...[floatOrder, mapOrder, retryPaysTwice, throwingRefusal, batchMatters, lossyCommand],
] as unknown as readonly Sample[];
