import { QuorateError } from "../../base/errors.ts";
import type { MemberRecord } from "../../replica/members/directory.ts";
import { isProvisionalName } from "../../replica/members/identity.ts";
import { formatAddress, parseAddress } from "../../transport/address.ts";
import type { Member } from "../../wire/cluster-messages.ts";
import { METHODS } from "../../wire/services.ts";
import { refusal } from "../../wire/status.ts";
import type { Front } from "../call/front.ts";
import type { Services } from "../services.ts";

/** Learners that are to stay so, at a time: etcd's default. */
const LEARNERS_MAX = 1;
/** How long a learner may need to be found ready for a vote. */
const PROMOTE_TIMEOUT_MS = 500;

/** The members of the cluster. These answers tell no revision, as etcd's do not. */
export function serveCluster(services: Services, front: Front): void {
  const { cluster } = front.store;
  const members = (): Member[] => cluster.members.map((member) => memberOf(front, member));

  services.answer(METHODS.memberList, async ({ linearizable }) => {
    if (linearizable) await front.linearize();
    return { header: front.header(0), members: members() };
  });

  services.answer(METHODS.memberAdd, async ({ peerUrls, isLearner }) => {
    const address = newAddress(front, peerUrls);
    if (isLearner && cluster.members.filter(({ votes }) => !votes).length >= LEARNERS_MAX)
      throw refusal("tooManyLearners");
    await cluster.add({ address, votes: !isLearner }, { timeoutMs: front.timeoutMs });
    const member = members().find((candidate) => candidate.peerUrls[0] === peerUrl(front, address)) ?? null;
    return { header: front.header(0), member, members: members() };
  });

  services.answer(METHODS.memberRemove, async ({ id }) => {
    await cluster.remove(memberBy(front, id).name, { timeoutMs: front.timeoutMs });
    return { header: front.header(0), members: members() };
  });

  services.answer(METHODS.memberUpdate, async ({ id, peerUrls }) => {
    const { name } = memberBy(front, id);
    const address = addressOf(peerUrls);
    if (cluster.members.some((other) => other.name !== name && other.address === address))
      throw refusal("peerUrlExists");
    await cluster.update(name, { address }, { timeoutMs: front.timeoutMs });
    return { header: front.header(0), members: members() };
  });

  services.answer(METHODS.memberPromote, async ({ id }) => {
    const { name, votes } = memberBy(front, id);
    if (votes) throw refusal("memberNotLearner");
    await cluster.promote(name, { timeoutMs: PROMOTE_TIMEOUT_MS }).catch((error: unknown) => {
      throw QuorateError.is(error, "ERR_TIMEOUT") ? refusal("learnerNotReady") : error;
    });
    return { header: front.header(0), members: members() };
  });
}

function memberOf(front: Front, { id, name, address, clients, votes }: MemberRecord): Member {
  return {
    id: BigInt(id),
    name: isProvisionalName(name) ? "" : name,
    peerUrls: address === "" ? [] : [peerUrl(front, address)],
    clientUrls: clients,
    isLearner: !votes,
  };
}

function peerUrl(front: Front, address: string): string {
  return `${front.settings.peerScheme}://${address}`;
}

function memberBy(front: Front, id: bigint): MemberRecord {
  const found = front.store.cluster.members.find((member) => BigInt(member.id) === id);
  if (found === undefined) throw refusal("memberNotFound");
  return found;
}

function newAddress(front: Front, peerUrls: readonly string[]): string {
  const address = addressOf(peerUrls);
  if (front.store.cluster.members.some((member) => member.address === address))
    throw refusal("peerUrlExists");
  return address;
}

const PEER_URL = /^https?:\/\/([^/?#]+)$/;

/** A member has one address here; of several URLs it is the first. */
function addressOf(peerUrls: readonly string[]): string {
  const addresses = peerUrls.map((url) => parseAddress(PEER_URL.exec(url)?.[1] ?? ""));
  const [first] = addresses;
  if (first === undefined || first === null || addresses.includes(null)) throw refusal("memberBadUrls");
  return formatAddress(first);
}
