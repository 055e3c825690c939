import { MalformedBytes } from "../../base/bytes.ts";
import { QuorateError } from "../../base/errors.ts";
import type { Index, MemberId } from "../../log/entry.ts";
import type { Message, SnapshotMessage } from "../../raft/message.ts";
import {
  decodePeerFrame,
  encodePeerFrame,
  type MembersFrame,
  type MessageFrame,
  type PeerFrame,
  type Setting,
  type SnapshotBegin,
} from "../../transport/codec/peer-frame.ts";
import type { SnapshotSink } from "../../transport/snapshots/incoming-snapshot.ts";
import { SnapshotReceiver } from "../../transport/snapshots/snapshot-receiver.ts";
import { SnapshotSender, transferNumber } from "../../transport/snapshots/snapshot-sender.ts";
import type { Newcomer, Self, Transport, TransportHost } from "../../transport/transport.ts";
import type { Agreement } from "../agreement.ts";
import type { Settle } from "../calls/call.ts";
import { isProvisionalName } from "../members/identity.ts";
import type { StoreTags } from "../members/store-tags.ts";
import type { Contacts } from "./contacts.ts";
import type { Roster } from "./roster.ts";
import { type IntakeParts, SnapshotIntake } from "./snapshot-intake.ts";

export interface PeersParts extends IntakeParts {
  readonly self: Self;
  readonly transport: Transport;
  readonly contacts: Contacts;
  readonly roster: Roster;
  readonly stores: StoreTags;
  readonly agreement: Agreement;
  /** Up to where this member has applied: what a snapshot must go beyond to be of use. */
  applied(): Index;
  onMessage(message: Message): void;
  onUp(peer: string): void;
  onDown(peer: string): void;
  onRefused(reason: QuorateError): void;
  /** Somebody wants the ticket of a member that was added. */
  onNewcomer(newcomer: Newcomer, settle: Settle<string>): void;
  /** The others know this member by another store: this one must not go on. */
  onReplaced(): void;
  /** A snapshot that the core wanted sent has arrived, or has not. */
  onSnapshotSent(peer: MemberId, succeeded: boolean): void;
}

/**
 * The other members, as this one talks to them: the core's messages become frames and frames messages; where the core
 * names a snapshot, its bytes are carried along.
 */
export class Peers implements TransportHost {
  readonly self: Self;
  readonly #parts: PeersParts;
  readonly #intake: SnapshotIntake;
  readonly #receiver: SnapshotReceiver;
  readonly #senders = new Map<string, SnapshotSender>();
  readonly #refusedStores = new Set<string>();
  /** Peers that were told our settings in this tick. */
  readonly #toldSettings = new Set<string>();
  /** What was said of each peer whose settings are not ours, until they are. */
  readonly #disputed = new Map<string, string>();
  #transfers = 0;
  #framesRefused = 0;

  constructor(parts: PeersParts) {
    this.#parts = parts;
    this.self = parts.self;
    this.#intake = new SnapshotIntake(parts);
    this.#receiver = new SnapshotReceiver({
      send: (to, frame) => parts.transport.send(to, frame),
      open: (from, begin) => this.#openSink(from, begin),
      received: (_from, begin) => parts.onMessage(this.#intake.messageFor(begin.message)),
    });
  }

  get framesRefused(): number {
    return this.#framesRefused;
  }

  send(messages: readonly Message[]): void {
    for (const message of messages) {
      const peer = this.#parts.contacts.byId(message.to);
      if (peer === undefined) continue; // It has left the group.
      if (isProvisionalName(peer.name)) this.#missed(message);
      else if (message.kind === "snapshot") this.#sendSnapshot(peer.name, message);
      else this.#sendFrame(peer.name, this.#messageFrame(message));
    }
  }

  tick(): void {
    this.#parts.roster.tick();
    this.#refusedStores.clear();
    this.#toldSettings.clear();
    this.#intake.tick();
    this.#receiver.tick();
    for (const sender of this.#senders.values()) sender.tick();
  }

  stop(): void {
    for (const sender of [...this.#senders.values()]) sender.abort("the member is closing");
    this.#receiver.close();
  }

  deliver(from: string, bytes: Uint8Array): void {
    try {
      this.#take(from, decodePeerFrame(bytes));
    } catch (error) {
      if (!(error instanceof MalformedBytes)) throw error;
      this.#framesRefused += 1;
    }
  }

  peerUp(name: string): void {
    this.#parts.roster.tell(name);
    this.#parts.onUp(name);
  }

  peerDown(name: string): void {
    this.#parts.onDown(name);
  }

  refused(reason: QuorateError): void {
    this.#parts.onRefused(reason);
  }

  enrol(newcomer: Newcomer, settle: Settle<string>): void {
    this.#parts.onNewcomer(newcomer, settle);
  }

  #messageFrame(message: Message): MessageFrame {
    const { stores, agreement } = this.#parts;
    return { kind: "message", store: stores.ownTag, agreement: agreement.tag, message };
  }

  #take(from: string, frame: PeerFrame): void {
    const { stores } = this.#parts;
    if ("agreement" in frame && !this.#agrees(from, frame.agreement)) return;
    switch (frame.kind) {
      case "settings":
        this.#dispute(from, frame.settings);
        break;
      case "message":
        this.#takeMessage(from, frame);
        break;
      case "store-refuse":
        if (frame.store === stores.ownTag && !stores.isAgreed) this.#parts.onReplaced();
        break;
      case "members":
        this.#takeMembers(from, frame);
        break;
      case "snapshot-begin":
      case "snapshot-chunk":
      case "snapshot-abort":
        this.#receiver.step(from, frame);
        break;
      case "snapshot-ack":
      case "snapshot-refuse":
        this.#senders.get(from)?.step(frame);
        break;
    }
  }

  #takeMessage(from: string, { store, message }: MessageFrame): void {
    if (!this.#isAddressed(from, message)) {
      this.#framesRefused += 1;
      return;
    }
    const { contacts, stores, onMessage } = this.#parts;
    if (stores.admits(contacts.byId(message.from)!, store)) onMessage(message);
    else this.#refuseStore(from, store);
  }

  #takeMembers(from: string, frame: MembersFrame): void {
    const { contacts, roster, stores } = this.#parts;
    const teller = contacts.byName(from);
    if (teller?.id !== frame.from) this.#framesRefused += 1;
    else if (stores.admits(teller, frame.store)) roster.hear(frame);
    else this.#refuseStore(from, frame.store);
  }

  /** Whether the peer has our settings. If not, it is told ours, once a tick at most: it will tell its own. */
  #agrees(from: string, tag: number): boolean {
    if (tag === this.#parts.agreement.tag) {
      this.#disputed.delete(from);
      return true;
    }
    this.#framesRefused += 1;
    this.#tellSettings(from);
    return false;
  }

  /** The peer refuses our frames. Each of its settings that is not ours is told of once. */
  #dispute(from: string, settings: readonly Setting[]): void {
    const errors = this.#parts.agreement.disputes(from, settings);
    if (errors.length === 0) return;
    this.#tellSettings(from);
    const said = errors.map(({ message }) => message).join("\n");
    if (this.#disputed.get(from) === said) return;
    this.#disputed.set(from, said);
    for (const error of errors) this.#parts.onRefused(error);
  }

  #tellSettings(to: string): void {
    if (this.#toldSettings.has(to)) return;
    this.#toldSettings.add(to);
    this.#sendFrame(to, { kind: "settings", settings: this.#parts.agreement.settings });
  }

  /** Tells both sides, once a tick at most: the other one goes on sending until it understands. */
  #refuseStore(from: string, store: number): void {
    this.#framesRefused += 1;
    if (this.#refusedStores.has(from)) return;
    this.#refusedStores.add(from);
    this.#sendFrame(from, { kind: "store-refuse", store });
    this.#parts.onRefused(replacedError(from));
  }

  #sendFrame(to: string, frame: PeerFrame): void {
    this.#parts.transport.send(to, encodePeerFrame(frame));
  }

  /** Nobody speaks for another member, and what was meant for another one is not for us. */
  #isAddressed(from: string, message: Message): boolean {
    return this.#parts.contacts.byName(from)?.id === message.from && message.to === this.self.id;
  }

  /** A message to a member that was added and has never started. */
  #missed(message: Message): void {
    if (message.kind === "snapshot") this.#parts.onSnapshotSent(message.to, false);
  }

  #sendSnapshot(to: string, message: SnapshotMessage): void {
    const { storage, transport, onSnapshotSent } = this.#parts;
    const reader = storage.openSnapshot();
    if (reader === undefined || this.#senders.has(to)) {
      reader?.close();
      onSnapshotSent(message.to, false);
      return;
    }
    const sender = new SnapshotSender(
      {
        to,
        transfer: transferNumber(this.self.bootEpoch, this.#transfers++),
        agreement: this.#parts.agreement.tag,
        // The newest one will do even better than the one that the core had in mind.
        message: { ...message, snapshot: reader.snapshot.metadata },
        context: reader.snapshot.context,
        source: reader,
      },
      (peer, frame) => transport.send(peer, frame),
      (error) => {
        this.#senders.delete(to);
        onSnapshotSent(message.to, error === null);
      },
    );
    this.#senders.set(to, sender);
    sender.start();
  }

  #openSink(from: string, { message, context }: SnapshotBegin): SnapshotSink | null {
    const { applied, onMessage } = this.#parts;
    if (!this.#isAddressed(from, message)) return null;
    if (message.snapshot.index > applied()) return this.#intake.open({ metadata: message.snapshot, context });
    // It brings nothing new; but only the core can tell the leader how far we are, which will not find out otherwise.
    onMessage(message);
    return null;
  }
}

/** A member's store is not the one that the group knows. */
export function replacedError(name: string): QuorateError<"ERR_IDENTITY_MISMATCH"> {
  return new QuorateError(
    "ERR_IDENTITY_MISMATCH",
    `the storage of ${name} is not the one that the group knows: it was wiped or replaced, and must not speak for ${name}`,
    { field: "storeId", expected: "the first one", found: "another" },
  );
}
