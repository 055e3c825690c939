import type { Method } from "../../../src/wire/services.ts";
import type { Outcome } from "../support/rpc-client.ts";

/** Makes a call through the JSON gateway. The answer is left as JSON: its form is what is compared. */
export async function callByJson(
  endpoint: string,
  method: Method<unknown, unknown>,
  request: object,
): Promise<Outcome<unknown>> {
  const whole = method.request.of(request);
  const response = await fetch(`http://${endpoint}${method.gateway[0]}`, {
    method: "POST",
    body: JSON.stringify(method.request.toJson(whole)),
  });
  const json = (await response.json()) as { code?: number; message?: string };
  if (response.ok) return { ok: json };
  // The older gateway of 3.4 tells the text a second time, as "error", and has 412 for what is 400 now.
  const status = response.status === 412 ? 400 : response.status;
  return { code: json.code ?? -1, message: `${status} ${json.message}` };
}
