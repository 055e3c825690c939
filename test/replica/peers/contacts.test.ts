import fc from "fast-check";
import { expect, test } from "vitest";
import { MalformedBytes } from "../../../src/base/bytes.ts";
import { pack } from "../../../src/base/codec.ts";
import { Directory, type MemberRecord, newMember } from "../../../src/replica/members/directory.ts";
import { Contacts, packHearsay } from "../../../src/replica/peers/contacts.ts";

function record(id: number, name = `n${id}`): MemberRecord {
  return { ...newMember(id), name, address: `${name}:1` };
}

/** A member that has applied up to index 5, at which 1 and 2 took part. */
function makeContacts(addresses: Record<string, string> = {}): {
  contacts: Contacts;
  apply(index: number): void;
} {
  const directory = new Directory(new Map(Object.entries(addresses)));
  for (const id of [1, 2]) directory.put(record(id));
  let applied = 5;
  return {
    contacts: new Contacts(directory, () => applied),
    apply: (index) => {
      applied = index;
    },
  };
}

function hear(contacts: Contacts, index: number, ...members: MemberRecord[]): boolean {
  return contacts.hear(index, packHearsay(members));
}

test("a member is known by hearsay until this member has applied as much", () => {
  const { contacts, apply } = makeContacts();
  expect(hear(contacts, 9, record(2), record(3))).toBe(true);
  expect(contacts.byId(3)?.name).toBe("n3");
  expect(contacts.byName("n3")?.id).toBe(3);
  expect(contacts.nameOf(3)).toBe("n3");
  apply(9);
  expect(contacts.byId(3)).toBeUndefined();
  expect(contacts.members.map(({ id }) => id)).toEqual([1, 2]);
});

test("whoever the newer list lacks is reached as long as this member has it on its own", () => {
  const { contacts } = makeContacts();
  hear(contacts, 9, record(2), record(3));
  expect(contacts.members.map(({ id }) => id)).toEqual([2, 3, 1]);
});

test("a name that was given to another member since is the other's", () => {
  const { contacts } = makeContacts();
  hear(contacts, 9, record(7, "n1"), record(2));
  expect(contacts.byName("n1")?.id).toBe(7);
  expect(contacts.members.map(({ id }) => id)).toEqual([7, 2]);
});

test("an address that this process was told goes before one that it hears", () => {
  const { contacts } = makeContacts({ n3: "moved:3" });
  hear(contacts, 9, record(3));
  expect(contacts.byId(3)?.address).toBe("moved:3");
});

test("of all that is heard, in whatever order, the newest list alone counts", () => {
  fc.assert(
    fc.property(fc.array(fc.record({ index: fc.nat(20), id: fc.integer({ min: 3, max: 9 }) })), (told) => {
      const { contacts } = makeContacts();
      let newest = { index: 5, id: 0 };
      for (const news of told) {
        expect(hear(contacts, news.index, record(news.id))).toBe(news.index > newest.index);
        if (news.index > newest.index) newest = news;
      }
      const others = contacts.members.map(({ id }) => id).filter((id) => id > 2);
      expect(others).toEqual(newest.id === 0 ? [] : [newest.id]);
    }),
  );
});

test("any bytes are a list of members or malformed, and what is malformed changes nothing", () => {
  const values = fc.oneof(fc.uint8Array(), fc.anything().map(packOrNothing));
  fc.assert(
    fc.property(values, (bytes) => {
      const { contacts } = makeContacts();
      try {
        contacts.hear(9, bytes);
      } catch (error) {
        expect(error).toBeInstanceOf(MalformedBytes);
        expect(contacts.members.map(({ id }) => id)).toEqual([1, 2]);
      }
    }),
  );
});

test("a list of endless length is refused unread", () => {
  const { contacts } = makeContacts();
  const many = Array.from({ length: 3_000 }, (_, at) => record(at + 10, "n".repeat(100) + at));
  expect(() => hear(contacts, 9, ...many)).toThrow(MalformedBytes);
});

function packOrNothing(value: unknown): Uint8Array {
  try {
    return pack(value);
  } catch {
    return new Uint8Array(0);
  }
}
