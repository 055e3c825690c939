import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import { assert } from "../../base/assert.ts";
import { EMPTY_BYTES, MalformedBytes } from "../../base/bytes.ts";
import { QuorateError } from "../../base/errors.ts";
import type { MemberId } from "../../log/entry.ts";
import {
  type Claim,
  decodeHandshake,
  encodeHandshake,
  type HandshakePart,
  type HandshakeRefusal,
  type Hello,
  type Join,
  mismatch,
  NONCE_BYTES,
  PROOF_BYTES,
  PROTOCOL_VERSION,
} from "../codec/handshake-codec.ts";
import type { Newcomer, Peer, Self } from "../transport.ts";

/**
 * How two members come to trust a connection:
 *
 *     dialler                                   acceptor
 *        hello: who I am, whom I want, nonce  →
 *                                             ←  welcome: who I am, nonce, proof
 *        confirm: proof                       →
 *                                             ←  accept, or refuse with the reason
 * A process that was added to the cluster, but does not know its ticket yet, begins with `join` in place of `hello`, and
 * is given the ticket in place of `accept`.
 *
 * A proof is an HMAC-SHA256 over all that was said before it, keyed with the cluster's secret. Both nonces are in it,
 * so that nothing can be replayed; so is the role, so that nothing can be mirrored. Without a secret the key is empty:
 * the exchange is the same, and keeps out mistakes but no attacker. Nothing else in a claim is looked at before the
 * proof holds. Over TLS a claim must also be one for which the dialler's certificate may speak; without TLS what
 * follows on the connection is neither encrypted nor signed.
 */
export type HandshakeStep =
  | { readonly kind: "waiting"; readonly send: Uint8Array }
  | { readonly kind: "accepted"; readonly send: Uint8Array | null; readonly claim: Claim }
  /** A newcomer has proved to be one of us: it wants its ticket. */
  | { readonly kind: "enrolling"; readonly send: null; readonly newcomer: Newcomer }
  | { readonly kind: "refused"; readonly send: Uint8Array | null; readonly error: QuorateError };

/** What both ends hold from the configuration. */
export interface HandshakeConfig {
  readonly self: Self;
  readonly secret: string;
}

export class DiallerHandshake {
  readonly hello: Uint8Array;
  readonly #secret: string;
  readonly #target: Peer;
  readonly #clusterId: string;
  #acceptor: Claim | null = null;

  constructor({ self, secret }: HandshakeConfig, target: Peer) {
    this.#secret = secret;
    this.#target = target;
    this.#clusterId = self.clusterId;
    this.hello = encodeHandshake({
      kind: "hello",
      version: PROTOCOL_VERSION,
      nonce: randomBytes(NONCE_BYTES),
      claim: claimOf(self),
      target: { name: target.name, id: target.id },
    });
  }

  /** Takes the acceptor's next part. Throws MalformedBytes on one that has no place here. */
  step(bytes: Uint8Array): HandshakeStep {
    const part = decodeHandshake(bytes);
    if (part.kind === "refuse") return { kind: "refused", send: null, error: part.error };
    if (part.kind === "welcome" && this.#acceptor === null)
      return this.#onWelcome(bytes, part.claim, part.proof);
    if (part.kind === "accept" && this.#acceptor !== null) return this.#onAccept(this.#acceptor);
    throw outOfPlace(part);
  }

  #onWelcome(bytes: Uint8Array, claim: Claim, proof: Uint8Array): HandshakeStep {
    const said = bytes.subarray(0, bytes.length - PROOF_BYTES);
    if (!timingSafeEqual(proof, prove(this.#secret, "acceptor", this.hello, said))) {
      return { kind: "refused", send: null, error: wrongSecret() };
    }
    this.#acceptor = claim;
    const confirm = prove(this.#secret, "dialler", this.hello, bytes);
    return { kind: "waiting", send: encodeHandshake({ kind: "confirm", proof: confirm }) };
  }

  #onAccept(claim: Claim): HandshakeStep {
    const error = differs(this.#clusterId, this.#target, claim.clusterId, claim);
    return error === null ? { kind: "accepted", send: null, claim } : { kind: "refused", send: null, error };
  }
}

/** The dialler's side for a process that has no ticket yet. */
export class NewcomerHandshake {
  readonly join: Uint8Array;
  readonly #secret: string;
  #isConfirmed = false;

  constructor(secret: string, newcomer: Newcomer) {
    this.#secret = secret;
    this.join = encodeHandshake({
      kind: "join",
      version: PROTOCOL_VERSION,
      nonce: randomBytes(NONCE_BYTES),
      newcomer,
    });
  }

  /** Takes the acceptor's next part, and gives what to send, or the ticket. Throws what it is refused with. */
  step(bytes: Uint8Array): { readonly send: Uint8Array } | { readonly ticket: string } {
    const part = decodeHandshake(bytes);
    if (part.kind === "refuse") throw part.error;
    if (part.kind === "no-ticket")
      throw new QuorateError("ERR_MEMBERSHIP", part.reason, { reason: part.reason });
    if (part.kind === "ticket" && this.#isConfirmed) return { ticket: part.ticket };
    if (part.kind === "welcome" && !this.#isConfirmed) return { send: this.#confirm(bytes, part.proof) };
    throw outOfPlace(part);
  }

  #confirm(bytes: Uint8Array, proof: Uint8Array): Uint8Array {
    const said = bytes.subarray(0, bytes.length - PROOF_BYTES);
    if (!timingSafeEqual(proof, prove(this.#secret, "acceptor", this.join, said))) throw wrongSecret();
    this.#isConfirmed = true;
    return encodeHandshake({ kind: "confirm", proof: prove(this.#secret, "dialler", this.join, bytes) });
  }
}

export class AcceptorHandshake {
  readonly #config: HandshakeConfig;
  readonly #idOf: (name: string) => MemberId | null;
  readonly #certified: readonly string[] | null;
  #hello: Hello | Join | null = null;
  #helloBytes: Uint8Array = EMPTY_BYTES;
  #welcome: Uint8Array = EMPTY_BYTES;

  /**
   * `idOf` tells the id of a member by its name, or null for a name that is none; `certified` are the names that the
   * dialler's certificate may speak for, null where it needed none.
   */
  constructor(
    config: HandshakeConfig,
    idOf: (name: string) => MemberId | null,
    certified: readonly string[] | null = null,
  ) {
    this.#config = config;
    this.#idOf = idOf;
    this.#certified = certified;
  }

  /** Takes the dialler's next part. Throws MalformedBytes on one that has no place here. */
  step(bytes: Uint8Array): HandshakeStep {
    try {
      return this.#step(bytes, decodeHandshake(bytes));
    } catch (error) {
      // A hello of another version cannot be read further, but can be answered.
      if (QuorateError.is(error, "ERR_INCOMPATIBLE")) return refuse(error);
      throw error;
    }
  }

  #step(bytes: Uint8Array, part: HandshakePart): HandshakeStep {
    if ((part.kind === "hello" || part.kind === "join") && this.#hello === null)
      return this.#onHello(bytes, part);
    if (part.kind === "confirm" && this.#hello !== null) return this.#onConfirm(part.proof, this.#hello);
    throw outOfPlace(part);
  }

  #onHello(bytes: Uint8Array, hello: Hello | Join): HandshakeStep {
    this.#hello = hello;
    this.#helloBytes = bytes;
    const claim = claimOf(this.#config.self);
    const unproven = encodeHandshake({
      kind: "welcome",
      nonce: randomBytes(NONCE_BYTES),
      claim,
      proof: EMPTY_BYTES,
    });
    this.#welcome = Buffer.concat([unproven, prove(this.#config.secret, "acceptor", bytes, unproven)]);
    return { kind: "waiting", send: this.#welcome };
  }

  #onConfirm(proof: Uint8Array, hello: Hello | Join): HandshakeStep {
    const expected = prove(this.#config.secret, "dialler", this.#helloBytes, this.#welcome);
    if (!timingSafeEqual(proof, expected)) return refuse(wrongSecret());

    const { name } = hello.kind === "hello" ? hello.claim : hello.newcomer;
    if (this.#certified?.includes(name) === false)
      return refuse(mismatch("certificate", name, this.#certified.join(" ")));
    if (hello.kind === "join") return { kind: "enrolling", send: null, newcomer: hello.newcomer };

    const error = this.#whyNot(hello);
    if (error !== null) return refuse(error);
    return { kind: "accepted", send: encodeHandshake({ kind: "accept" }), claim: hello.claim };
  }

  #whyNot({ claim, target }: Hello): HandshakeRefusal | null {
    const { self } = this.#config;
    const error = differs(self.clusterId, self, claim.clusterId, target);
    if (error !== null) return error;

    const id = this.#idOf(claim.name);
    if (id === null) return mismatch("member", "a member", claim.name);
    return id === claim.id ? null : mismatch("memberId", String(id), String(claim.id));
  }
}

interface NameAndId {
  readonly name: string;
  readonly id: MemberId;
}

function differs(
  clusterId: string,
  expected: NameAndId,
  foundClusterId: string,
  found: NameAndId,
): HandshakeRefusal | null {
  if (clusterId !== foundClusterId) return mismatch("clusterId", clusterId, foundClusterId);
  if (expected.name !== found.name) return mismatch("memberName", expected.name, found.name);
  if (expected.id !== found.id) return mismatch("memberId", String(expected.id), String(found.id));
  return null;
}

function refuse(error: HandshakeRefusal): HandshakeStep {
  return { kind: "refused", send: encodeHandshake({ kind: "refuse", error }), error };
}

function wrongSecret(): HandshakeRefusal {
  return mismatch("secret", "ours", "another");
}

function outOfPlace(part: HandshakePart): MalformedBytes {
  return new MalformedBytes(`${part.kind} has no place here`);
}

function claimOf({ clusterId, name, id, storeId, bootEpoch }: Self): Claim {
  return { clusterId, name, id, storeId, bootEpoch };
}

function prove(
  secret: string,
  role: "dialler" | "acceptor",
  hello: Uint8Array,
  welcome: Uint8Array,
): Uint8Array {
  const proof = createHmac("sha256", secret).update(role).update(hello).update(welcome).digest();
  assert(proof.length === PROOF_BYTES, "a SHA-256 is 32 bytes");
  return proof;
}
