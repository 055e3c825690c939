import type { HostPort } from "../../transport/address.ts";
import { UsageError } from "../command.ts";
import type { FlagName } from "./flags.ts";

/** Milliseconds of a span in Go's notation: `300ms`, `1h30m`. Throws UsageError. */
export function readSpan(name: string, text: string): number {
  const units: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h)/g)];
  const isWhole = parts.length > 0 && parts.map(([part]) => part).join("") === text;
  const total = parts.reduce((sum, [, count, unit]) => sum + Number(count) * units[unit!]!, 0);
  if (isWhole && total >= 1) return Math.round(total);
  throw new UsageError(`--${name} must be a span of time such as 10m or 1h30m, not "${text}"`);
}

/** Where members are reached, and whether by TLS. */
export interface PeerUrl extends HostPort {
  readonly scheme: "http" | "https";
}

/** `http://host:port`. Throws UsageError. */
export function readUrl(name: string, text: string): PeerUrl {
  const url = URL.canParse(text) ? new URL(text) : null;
  const scheme = url?.protocol.slice(0, -1);
  const isBare = url !== null && (url.pathname === "/" || url.pathname === "") && url.search === "";
  if (url === null || !isBare || url.port === "" || (scheme !== "http" && scheme !== "https"))
    throw new UsageError(`--${name} must be URLs such as http://10.0.0.1:2380, not "${text}"`);
  return { scheme, host: url.hostname.replace(/^\[|\]$/g, ""), port: Number(url.port) };
}

export function itemsOf(text: string): string[] {
  return text.split(",").filter((item) => item !== "");
}

export function readSwitch(name: FlagName, text: string): boolean {
  if (/^(1|t|true)$/i.test(text)) return true;
  if (/^(0|f|false|)$/i.test(text)) return false;
  throw new UsageError(`--${name} must be true or false, not "${text}"`);
}

export function readNumber(name: FlagName, text: string, least: number): number {
  const number = /^[+-]?\d+$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isSafeInteger(number) && number >= least) return number;
  throw new UsageError(`--${name} must be a whole number${least > 0 ? " above 0" : ""}, not "${text}"`);
}

export function oneOf(name: FlagName, text: string, choices: readonly string[]): string {
  if (choices.includes(text)) return text;
  throw new UsageError(
    `--${name} must be ${choices.filter((choice) => choice !== "").join(" or ")}, not "${text}"`,
  );
}
