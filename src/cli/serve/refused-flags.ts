import { TOKEN_IDLE_MS } from "../../etcd/call/auth-tokens.ts";
import { UsageError } from "../command.ts";

/** A flag of etcd's that means nothing here, and whose being passed over would do harm. */
interface RefusedFlag {
  /** Whether a value asks for nothing. */
  readonly isHarmless: (value: string) => boolean;
  /** What to do instead. */
  readonly instead: string;
}

const CERTIFICATES = "make certificates, and name them";
const MEMBER_NAMES = "a member's certificate must name the member, as DNS name or common name";
const DISCOVERY = "name the members in --initial-cluster";

/**
 * What keeps others out, or says whose member this is to be: a server that passed over these would be more open than it
 * was asked to be, or another one.
 */
const REFUSED: Readonly<Record<string, RefusedFlag>> = {
  "config-file": unless([], "give flags, or variables such as ETCD_NAME"),
  "auto-tls": unless(["false"], `${CERTIFICATES} in --cert-file and --key-file`),
  "peer-auto-tls": unless(
    ["false"],
    `${CERTIFICATES} in --peer-cert-file, --peer-key-file and --peer-trusted-ca-file`,
  ),
  "client-cert-allowed-hostname": unless([], "use an authority of its own in --trusted-ca-file"),
  "peer-cert-allowed-cn": unless([], MEMBER_NAMES),
  "peer-cert-allowed-hostname": unless([], MEMBER_NAMES),
  "auth-token": unless(["simple"], "there are simple tokens here; put a proxy before it that knows others"),
  // A longer life for tokens is accepted and not given: clients authenticate again when a token has expired.
  "auth-token-ttl": {
    isHarmless: (value) => value === "" || Number(value) >= TOKEN_IDLE_MS / 1_000,
    instead: `a token that is not used is forgotten after ${TOKEN_IDLE_MS / 1_000} s`,
  },
  "tls-max-version": unless(["tls1.3"], "the newest version that both ends speak is used"),
  "host-whitelist": unless(["*"], "use TLS, or listen on loopback"),
  discovery: unless([], DISCOVERY),
  "discovery-srv": unless([], DISCOVERY),
  "discovery-endpoints": unless([], DISCOVERY),
  proxy: unless(["off"], "run a member, or etcd's own proxy before one"),
  "force-new-cluster": unless(["false"], "make one from a backup: quorate backup, quorate restore"),
};

/** What is refused, or would be with another value. */
export const REFUSED_FLAGS: readonly string[] = Object.keys(REFUSED);

/** Throws UsageError for a flag, or a variable, that must not be passed over. */
export function checkNotRefused(name: string, value: string, shown: string): void {
  const refused = Object.hasOwn(REFUSED, name) ? REFUSED[name]! : null;
  if (refused === null || refused.isHarmless(value.toLowerCase())) return;
  throw new UsageError(`${shown} is not supported, and to pass it over could do harm: ${refused.instead}`);
}

function unless(harmless: readonly string[], instead: string): RefusedFlag {
  return { isHarmless: (value) => value === "" || harmless.includes(value), instead };
}
