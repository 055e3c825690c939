import { METHODS } from "../../wire/services.ts";
import type { Front } from "../call/front.ts";
import type { Services } from "../services.ts";
import { EventEncoder } from "./event-encoder.ts";
import { WatchConversation } from "./watch-conversation.ts";

/** Watches: many of them share a stream. */
export function serveWatch(services: Services, front: Front): void {
  const encoder = new EventEncoder();
  services.converse(METHODS.watch, (stream) => {
    const conversation = new WatchConversation(front, encoder, stream);
    stream.onMessage((request) => conversation.handle(request));
    stream.onClose(() => conversation.close());
  });
}
