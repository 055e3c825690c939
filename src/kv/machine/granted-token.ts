import type { AuthTokenCommand } from "./command.ts";

/** A token as all members hear of it: what tells it when it is shown, and whom it lets in. */
export interface GrantedToken extends Omit<AuthTokenCommand, "kind"> {
  /** Of the entry that grants it. */
  readonly index: number;
  /** Milliseconds since 1970, by the leader's clock. A member that starts again hears of old ones too. */
  readonly time: number;
}
