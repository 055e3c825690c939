import { bool, byteString, enumeration, enumerations, field, int64, text } from "./field.ts";
import { header } from "./header.ts";
import { KeyValue } from "./kv-messages.ts";
import { type MessageOf, message, nested, nestedList } from "./message.ts";
import type { ProtoWriter } from "./writer.ts";

export const EVENT_TYPES = ["PUT", "DELETE"];
export const FILTER_TYPES = ["NOPUT", "NODELETE"];

const eventFields = {
  type: enumeration(1, EVENT_TYPES),
  kv: nested(2, () => KeyValue),
  prevKv: nested(3, () => KeyValue),
};
export type Event = MessageOf<typeof eventFields>;
export const Event = message(eventFields);

const watchCreateRequestFields = {
  key: byteString(1),
  rangeEnd: byteString(2),
  startRevision: int64(3),
  progressNotify: bool(4),
  filters: enumerations(5, FILTER_TYPES),
  prevKv: bool(6),
  watchId: int64(7),
  fragment: bool(8),
};
export type WatchCreateRequest = MessageOf<typeof watchCreateRequestFields>;
export const WatchCreateRequest = message(watchCreateRequestFields);

export const WatchCancelRequest = message({ watchId: int64(1) });
export const WatchProgressRequest = message({});

const watchRequestFields = {
  createRequest: nested(1, () => WatchCreateRequest),
  cancelRequest: nested(2, () => WatchCancelRequest),
  progressRequest: nested(3, () => WatchProgressRequest),
};
export type WatchRequest = MessageOf<typeof watchRequestFields>;
export const WatchRequest = message(watchRequestFields);

const watchResponseFields = {
  header,
  watchId: int64(2),
  created: bool(3),
  canceled: bool(4),
  compactRevision: int64(5),
  cancelReason: text(6),
  fragment: bool(7),
  events: nestedList(11, () => Event),
};
export type WatchResponse = MessageOf<typeof watchResponseFields>;
export const WatchResponse = message(watchResponseFields);

/** The same with events that are encoded already: one change is often told to many watchers. */
export const EncodedWatchResponse = message({
  ...watchResponseFields,
  events: field<readonly Uint8Array[], Uint8Array>(
    11,
    {
      wireType: 2,
      empty: new Uint8Array(0),
      isEmpty: (value) => value.length === 0,
      read: (reader) => reader.view(),
      write(writer: ProtoWriter, value) {
        writer.bytes(value);
        writer.uint(value.length);
      },
      toJson: (value) => Event.toJson(Event.decode(value)),
      fromJson: (json) => Event.encode(Event.fromJson(json)),
    },
    true,
  ),
});
