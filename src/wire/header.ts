import { int64, uint64 } from "./field.ts";
import { type MessageOf, message, nested } from "./message.ts";

const headerFields = {
  clusterId: uint64(1),
  memberId: uint64(2),
  revision: int64(3),
  raftTerm: int64(4),
};

export type ResponseHeader = MessageOf<typeof headerFields>;
export const ResponseHeader = message(headerFields);

/** The field that nearly every answer begins with. */
export const header = nested(1, () => ResponseHeader);

/** An answer that says nothing else. */
export const HeaderOnly = message({ header });

/** A request that asks for nothing in particular. */
export const Empty = message({});
