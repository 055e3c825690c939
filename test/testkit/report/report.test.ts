import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { type Browser, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  checkHistory,
  type Operation,
  type RegisterInput,
  type RegisterOutput,
  registerModel,
} from "../../../src/testkit/linearizability/index.ts";
import { causalSlice } from "../../../src/testkit/report/causal-slice.ts";
import { Recorder } from "../../../src/testkit/report/recorder.ts";
import { renderReport } from "../../../src/testkit/report/render-report.ts";
import { trimRecording } from "../../../src/testkit/report/trim.ts";
import { visualizeHistory } from "../../../src/testkit/report/visualize-history.ts";
import { planCoreScenario, runCoreScenario } from "../../../src/testkit/simulation/core/core-run.ts";
import { lostWrite } from "./story.ts";

const BROWSER = process.env["CHROMIUM"] ?? "/usr/bin/chromium";

describe("the causal slice", () => {
  const recording = lostWrite();
  const texts = causalSlice(recording).map(
    (at) => `${recording.events[at]!.who} ${recording.events[at]!.text}`,
  );

  it("has what led to the violation", () => {
    expect(texts).toEqual(
      expect.arrayContaining([
        "n3 loses power (M1)",
        "n3 starts again with an empty disk",
        "n3 → n2 yes",
        "n2 ← n3 yes",
        "null partition {n1} | {n2 n3} for 900 ms",
        "n2 D2 lost acknowledged write",
      ]),
    );
  });

  it("leaves out what did not", () => {
    expect(texts).not.toContain("n1 → n2 heartbeat");
    expect(texts).not.toContain("n2 lost from n1: append 1@2");
  });

  it("is empty where nothing went wrong", () => {
    expect(causalSlice({ ...recording, violation: null })).toEqual([]);
  });
});

describe("a long recording", () => {
  const recording = lostWrite();

  it("is cut to what led to the violation and the last events, whose state tells of those left out", () => {
    const slice = causalSlice(recording);
    const trimmed = trimRecording(recording, slice, 5);
    expect(trimmed.events.length).toBeLessThan(recording.events.length);
    expect(trimmed.events[trimmed.violation!.event]!.text).toBe("D2 lost acknowledged write");
    expect(causalSlice(trimmed).map((at) => trimmed.events[at]!.text)).toEqual(
      expect.arrayContaining(slice.map((at) => recording.events[at]!.text)),
    );
    for (const { causes, at } of trimmed.events) {
      for (const cause of causes ?? []) expect(trimmed.events[cause]!.at).toBeLessThanOrEqual(at);
    }
  });

  it("merges what the left out events changed", () => {
    const of = (state: object) => ({ at: 0, who: "n1", kind: "save" as const, text: "", state });
    const events = [
      of({ term: 1, log: { from: 1, terms: [1, 1] } }),
      of({ log: { from: 2, terms: [2, 2] } }),
      of({ saved: 3 }),
    ];
    const trimmed = trimRecording({ ...recording, events, operations: [], violation: null }, [], 1);
    expect(trimmed.events.map(({ state }) => state)).toEqual([
      { term: 1, saved: 3, log: { from: 1, terms: [1, 2, 2], texts: [""] } },
    ]);
  });
});

describe("the page", () => {
  const html = renderReport(lostWrite());

  it("is one file that asks nobody for anything", () => {
    expect(html).toContain("default-src 'none'");
    expect(html).not.toMatch(/https?:\/\/(?!www\.w3\.org)/);
    expect(html).not.toMatch(/<link|src=/);
  });

  it("shows texts as texts", () => {
    expect(html).not.toContain("<b>v</b>");
    expect(html).toContain("k1 = &lt;b>v&lt;/b> was acknowledged");
  });
});

// Debian's chromium, or the one that CHROMIUM names.
describe.skipIf(!existsSync(BROWSER))("the page in a browser (needs chromium)", () => {
  let folder: string;
  let browser: Browser;
  let page: Page;
  const wrong: string[] = [];

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "quorate-report-"));
    browser = await chromium.launch({ executablePath: BROWSER, args: ["--no-sandbox"] });
    page = await newPage("story.html", renderReport(lostWrite()));
  }, 60_000);

  afterAll(async () => {
    await browser?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  async function newPage(name: string, html: string, hash = ""): Promise<Page> {
    const path = join(folder, name);
    writeFileSync(path, html);
    const opened = await browser.newPage({ viewport: { width: 1400, height: 900 } });
    opened.on("pageerror", ({ message }) => wrong.push(message));
    opened.on("console", (message) => wrong.push(message.text()));
    opened.on("request", (request) => {
      if (!request.url().startsWith("file:")) wrong.push(request.url());
    });
    await opened.goto(pathToFileURL(path).href + hash);
    return opened;
  }

  const textOf = (selector: string) => page.locator(selector).textContent();
  const rows = () => page.locator(".row").count();

  it("begins at the violation, with what led to it", async () => {
    expect(await textOf(".verdict")).toContain("k1 = <b>v</b> was acknowledged");
    expect(await textOf(".row.now")).toContain("D2 lost acknowledged write");
    expect(await rows()).toBe(causalSlice(lostWrite()).length);
    expect(await page.locator(".row.now").isVisible()).toBe(true);
    expect(await page.locator("path.message").count()).toBeGreaterThan(2);
  });

  it("steps through time, by key, button, slider and click", async () => {
    await page.keyboard.press("ArrowLeft");
    expect(await textOf(".row.now")).toContain("is leader in term 3");
    await page.keyboard.press("Home");
    expect(await textOf("#moment")).toMatch(/^0 ms · 1\//);
    await page.locator("#forward").click();
    expect(await textOf("#moment")).toMatch(/· 2\//);
    await page.locator("#slider").fill("4");
    expect(await textOf("#moment")).toMatch(/· 5\//);
    await page.locator(".row", { hasText: "loses power" }).click();
    expect(await textOf("#event")).toContain("210 ms");
    expect(new URL(page.url()).hash).toMatch(/^#e=\d+$/);
    await page.keyboard.press("End");
    expect(await textOf(".row.now")).toContain("D2");
  });

  it("shows the logs as they were at that moment", async () => {
    const log = (member: string) => page.locator(`tr[data-member=${member}]`);
    await page.locator(".row", { hasText: "loses power" }).click();
    expect(await log("n3").getAttribute("class")).toBe("down");
    expect(await log("n3").locator(".cell").textContent()).toBe("2");
    expect(await log("n1").locator(".cell.committed").count()).toBe(1);
    expect(await log("n3").locator(".cell.unsaved").count()).toBe(1);
    await page.locator(".row", { hasText: "starts again" }).click();
    expect(await log("n3").locator(".cell.empty").count()).toBe(1);
    expect(await log("n3").textContent()).toContain("follower · term 2");
  });

  it("shows everything on request, and follows causes", async () => {
    await page.locator("#slice").uncheck();
    expect(await rows()).toBe(lostWrite().events.length);
    await page.locator(".row", { hasText: "lost from n1" }).click();
    await page.locator("#event button", { hasText: "→ n2 append" }).click();
    expect(await textOf(".row.now")).toContain("→ n2 append 1@2");
  });

  it("hides members and clients that are not wanted", async () => {
    const before = await rows();
    await page.locator(".chip", { hasText: "n1" }).click();
    expect(await rows()).toBeLessThan(before);
    expect(await page.locator("#lanes .member").allTextContents()).toEqual(["n2", "n3"]);
    await page.locator(".chip", { hasText: "n1" }).click();
    expect(await rows()).toBe(before);
  });

  it("shows what clients saw, and leads to the moment of a call", async () => {
    expect(await page.locator("#clients .bar").count()).toBe(2);
    await page.locator("#clients .bar rect").first().click();
    expect(await textOf("#event")).toContain("put k1 <b>v</b> → n1");
  });

  it("opens at the event that its address names", async () => {
    const linked = await newPage("linked.html", renderReport(lostWrite()), "#e=3");
    expect(await linked.locator("#event").textContent()).toContain("is candidate in term 2");
    await linked.close();
  });

  it("shows a history of clients, and the call that nothing explains", async () => {
    const put = (value: number, call: number) => ({
      client: 0,
      input: { kind: "write", value } as const,
      call,
    });
    const history: Operation<RegisterInput<number>, RegisterOutput<number>>[] = [
      { ...put(1, 0), output: null, return: 10 },
      { ...put(2, 5), unknown: true },
      { client: 1, input: { kind: "read" }, call: 12, output: 0, return: 14 },
      { client: 1, input: { kind: "read" }, call: 20, output: 1, return: 30 },
    ];
    const html = visualizeHistory(history, checkHistory(history, registerModel(0)), "register");
    const opened = await newPage("history.html", html);
    expect(await opened.locator(".verdict").textContent()).toContain("not linearizable as a register");
    expect(await opened.locator("#clients .bar").count()).toBe(4);
    expect(await opened.locator("#logs-section").isVisible()).toBe(false);
    await opened.locator("#slice").uncheck();
    expect(await opened.locator(".row.now").textContent()).toContain("c10");
    await opened.close();
  });

  it("shows a whole simulated run, thousands of events long", { timeout: 30_000 }, async () => {
    const recorder = new Recorder();
    const scenario = planCoreScenario(11);
    const { failure } = runCoreScenario(scenario, { onEvent: recorder.observe });
    expect(failure).toBeUndefined();
    const recording = recorder.recording({ title: "core", seed: 11, failure, replay: undefined });
    expect(recording.events.length).toBeGreaterThan(5_000);
    const long = await newPage("long.html", renderReport(recording));
    expect(await long.locator(".verdict").textContent()).toBe("Nothing went wrong.");
    expect(await long.locator(".facts").textContent()).toMatch(/\d+ of \d+ are shown/);
    expect(await long.locator(".row").count()).toBeGreaterThan(1_000);
    await long.keyboard.press("Home");
    expect(await long.locator("#moment").textContent()).toMatch(/· 1\//);
    await long.close();
  });

  it("never complains, and asks for nothing but itself", () => {
    expect(wrong).toEqual([]);
  });
});
