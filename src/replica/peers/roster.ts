import { EMPTY_BYTES } from "../../base/bytes.ts";
import type { Index, MemberId } from "../../log/entry.ts";
import { encodePeerFrame, type MembersFrame } from "../../transport/codec/peer-frame.ts";
import type { Peer, Self, Transport } from "../../transport/transport.ts";
import type { Agreement } from "../agreement.ts";
import type { Directory } from "../members/directory.ts";
import { isProvisionalName } from "../members/identity.ts";
import type { StoreTags } from "../members/store-tags.ts";
import { type Contacts, packHearsay } from "./contacts.ts";

/** For how many election timeouts those that take part no more are still told so. */
const DISMISSAL_ELECTIONS = 2;

export interface RosterParts {
  readonly self: Self;
  readonly transport: Transport;
  readonly directory: Directory;
  readonly contacts: Contacts;
  readonly stores: StoreTags;
  readonly agreement: Agreement;
  readonly electionTicks: number;
}

interface Dismissed {
  readonly peer: Peer;
  ticksLeft: number;
}

/**
 * Whom the transport reaches, and what the members tell each other of who takes part: each its own directory, when that
 * changes, when a connection comes up, and again in each election timeout, since news get lost.
 */
export class Roster {
  readonly #parts: RosterParts;
  #news: Uint8Array = EMPTY_BYTES;
  #reached: readonly Peer[] = [];
  readonly #dismissed = new Map<string, Dismissed>();
  readonly #told = new Map<MemberId, Index>();
  #ticks = 0;

  constructor(parts: RosterParts) {
    this.#parts = parts;
  }

  /** The directory is as of `index` now. */
  changed(index: Index): void {
    const { self, directory, stores, agreement } = this.#parts;
    const members = packHearsay(directory.members);
    this.#news = encodePeerFrame({
      kind: "members",
      from: self.id,
      store: stores.ownTag,
      agreement: agreement.tag,
      index,
      members,
    });
    this.#reach();
    this.#tellAll();
  }

  /** Tells one peer, to which a connection stands. */
  tell(name: string): void {
    this.#parts.transport.send(name, this.#news);
  }

  /** Takes what a member tells that this one knows. Throws MalformedBytes. */
  hear({ from, index, members }: MembersFrame): void {
    this.#told.set(from, Math.max(index, this.toldBy(from)));
    if (this.#parts.contacts.hear(index, members)) this.#reach();
  }

  /** Up to which index the member has told that it has applied changes of membership; 0 if it has told nothing. */
  toldBy(id: MemberId): Index {
    return this.#told.get(id) ?? 0;
  }

  tick(): void {
    this.#ticks += 1;
    if (this.#ticks % this.#parts.electionTicks === 0) this.#tellAll();
    for (const dismissed of this.#dismissed.values()) dismissed.ticksLeft -= 1;
    if ([...this.#dismissed.values()].some(({ ticksLeft }) => ticksLeft <= 0)) this.#reach();
  }

  #tellAll(): void {
    for (const { name } of this.#reached) this.tell(name);
  }

  /** Tells the transport whom to reach. */
  #reach(): void {
    const { transport, contacts } = this.#parts;
    const wanted = contacts.members.filter((member) => this.#isWanted(member));
    this.#dismiss(new Set(wanted.map(({ name }) => name)));
    this.#reached = [...wanted, ...[...this.#dismissed.values()].map(({ peer }) => peer)];
    for (const id of this.#told.keys()) if (contacts.byId(id) === undefined) this.#told.delete(id);
    transport.setPeers(this.#reached);
  }

  #isWanted({ id, name }: Peer): boolean {
    const { self } = this.#parts;
    // Who has no name yet has not started.
    return id !== self.id && name !== self.name && !isProvisionalName(name);
  }

  /** Whoever was reached and is not wanted any more is let go of, but not before it has been told. */
  #dismiss(wanted: ReadonlySet<string>): void {
    const ticksLeft = DISMISSAL_ELECTIONS * this.#parts.electionTicks;
    for (const peer of this.#reached) {
      if (!this.#dismissed.has(peer.name)) this.#dismissed.set(peer.name, { peer, ticksLeft });
    }
    for (const [name, dismissed] of this.#dismissed) {
      if (wanted.has(name) || dismissed.ticksLeft <= 0) this.#dismissed.delete(name);
    }
  }
}
