import { bool, text, texts, uint64 } from "./field.ts";
import { header } from "./header.ts";
import { type MessageOf, message, nested, nestedList } from "./message.ts";

const memberFields = {
  id: uint64(1, "ID"),
  name: text(2),
  peerUrls: texts(3, "peerURLs"),
  clientUrls: texts(4, "clientURLs"),
  isLearner: bool(5, "isLearner"),
};
export type Member = MessageOf<typeof memberFields>;
export const Member = message(memberFields);

const members = nestedList(2, () => Member);

export const MemberAddRequest = message({ peerUrls: texts(1, "peerURLs"), isLearner: bool(2, "isLearner") });
export const MemberAddResponse = message({
  header,
  member: nested(2, () => Member),
  members: nestedList(3, () => Member),
});

/** Names a member to be removed or promoted. */
export const MemberIdRequest = message({ id: uint64(1, "ID") });
export const MemberUpdateRequest = message({ id: uint64(1, "ID"), peerUrls: texts(2, "peerURLs") });

export const MemberListRequest = message({ linearizable: bool(1) });
export const MembersResponse = message({ header, members });
