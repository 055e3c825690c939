import { METHODS } from "../wire/services.ts";
import { refusal } from "../wire/status.ts";
import type { Front } from "./call/front.ts";
import type { Services } from "./services.ts";

const SERVING = 1;
const NOT_SERVING = 2;
const SERVICE_UNKNOWN = 3;

/** gRPC's own health protocol. Only the server as a whole has a health. */
export function serveHealth(services: Services, front: Front): void {
  const status = (): number => (front.failure === null && !front.isDiskFull ? SERVING : NOT_SERVING);

  services.answer(METHODS.healthCheck, ({ service }) => {
    if (service !== "") throw refusal("unknownService");
    return { status: status() };
  });

  services.stream(METHODS.healthWatch, async ({ service }, stream) => {
    stream.send({ status: service === "" ? status() : SERVICE_UNKNOWN });
    const { signal } = stream.client;
    await new Promise<void>((resolve) => {
      const onError = (): void => void stream.send({ status: NOT_SERVING });
      const onDiskFull = (): void => void stream.send({ status: status() });
      front.store.on("error", onError);
      if (service === "") front.store.on("diskFull", onDiskFull);
      signal.addEventListener("abort", () => {
        front.store.off("error", onError);
        front.store.off("diskFull", onDiskFull);
        resolve();
      });
    });
  });
}
