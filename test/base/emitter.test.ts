import { expect, test } from "vitest";
import { Emitter } from "../../src/base/emitter.ts";
import { uncaughtDuring } from "./uncaught.ts";

type Events = { news: (text: string) => void; error: (error: Error) => void };

test("what a listener throws surfaces as an uncaught exception, and all other listeners get the event", async () => {
  const emitter = new Emitter<Events>();
  const told: string[] = [];
  const bug = new Error("a bug of the application's");
  emitter.on("news", (text) => told.push(`first ${text}`));
  emitter.on("news", () => {
    throw bug;
  });
  emitter.once("news", () => {
    throw bug;
  });
  emitter.on("news", (text) => told.push(`last ${text}`));
  const caught = await uncaughtDuring(() => {
    expect(emitter.emit("news", "a")).toBe(true);
    expect(emitter.emit("news", "b")).toBe(true);
  });
  expect(told).toEqual(["first a", "last a", "first b", "last b"]);
  expect(caught).toEqual([bug, bug, bug]);
});

test("a listener may remove itself, add others and emit, and counts for the event under way as it was at its beginning", () => {
  const emitter = new Emitter<Events>();
  const told: string[] = [];
  const added = (text: string): void => void told.push(`added ${text}`);
  const itself = (text: string): void => {
    emitter.off("news", itself);
    emitter.on("news", added);
    told.push(`itself ${text}`);
    emitter.emit("news", "b");
  };
  emitter.on("news", itself);
  emitter.on("news", (text) => told.push(`other ${text}`));
  emitter.emit("news", "a");
  expect(told).toEqual(["itself a", "other b", "added b", "other a"]);
});

test("a listener that is there always and once more is called twice by the first event, and once by the next", () => {
  const emitter = new Emitter<Events>();
  let calls = 0;
  const listener = (): void => {
    calls += 1;
  };
  emitter.once("news", listener);
  emitter.on("news", listener);
  emitter.emit("news", "a");
  expect([calls, emitter.listenerCount("news")]).toEqual([2, 1]);
  emitter.emit("news", "b");
  expect(calls).toBe(3);
});

test("an observer is told of every event, and counts as no listener", () => {
  const emitter = new Emitter<Events>();
  const told: unknown[] = [];
  emitter.observe((event, args) => told.push([event, args]));
  expect(emitter.emit("error", new Error("unheard"))).toBe(false);
  expect(told).toEqual([["error", [new Error("unheard")]]]);
});
