import { enumeration, text } from "./field.ts";
import { message } from "./message.ts";

export const SERVING_STATUSES = ["UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN"];

export const HealthCheckRequest = message({ service: text(1) });
export const HealthCheckResponse = message({ status: enumeration(1, SERVING_STATUSES) });
