import type { Examination, FrameExamination, SegmentExamination } from "../storage/disk/examination.ts";
import { type Command, type ExitCode, parseDirectoryArgs } from "./command.ts";
import { contentLine, type Examined, examine, holderLine, idText, problemAsJson } from "./examine.ts";

export const inspect: Command = {
  name: "inspect",
  summary: "Show what lies in a data directory",
  help: `Usage: quorate inspect DIR [--entries] [--json]

Shows the manifest, the copies of the hard state, the segments of the write-ahead
log, the snapshots, and where anything is damaged. Reads only; the directory may be
in use, or damaged.

  --entries   each frame, and each entry with its index, term, kind and size
  --json      the same as JSON

Ends with 0, or with 1 when something is damaged.
`,
  async run(args, print): Promise<ExitCode> {
    const { directory, flags } = parseDirectoryArgs(args, ["entries"]);
    const found = await examine(directory);
    if (flags.json) print(`${JSON.stringify(asJson(found, flags.entries), nullForNothing, 2)}\n`);
    else print(asText(found, flags.entries));
    return found.problems.length === 0 ? 0 : 1;
  },
};

type Found = Examined;

function asText(found: Found, withEntries: boolean): string {
  const lines = [
    ...storeLines(found),
    ...found.slots.map(({ path, state }) => {
      if (state === null) return `${path}: damaged`;
      const { term, vote, commit } = state.hardState;
      const text = `term ${term}, vote ${vote ?? "none"}, commit ${commit}`;
      return `${path}: ${text}, durable up to frame ${state.sequence}, start ${state.bootEpoch}`;
    }),
    ...found.segments.flatMap((segment) => segmentLines(segment, withEntries)),
    ...found.snapshots.map(({ path, listing, snapshot }) => {
      const voters =
        snapshot === null ? "damaged" : `voters ${snapshot.metadata.membership.voters.join(" ")}`;
      return `${path}: ${listing.bytes} bytes, ${voters}`;
    }),
    ...found.strays.map((path) => `${path}: not part of the store`),
    ...found.problems.map(({ message }) => `damage: ${message}`),
  ];
  return `${holderLine(found.holder)}${lines.join("\n")}\n`;
}

function storeLines(found: Found): string[] {
  const { manifest, content } = found;
  if (manifest === null) return [];
  const { storeId, clusterId, memberId, memberName, bootEpoch, lostTerm } = manifest;
  const dropped = content?.wal.droppedBytes ?? 0;
  return [
    `store ${storeId} of cluster ${clusterId}`,
    `member ${memberId} "${memberName}", opened ${bootEpoch} times`,
    contentLine(found),
    ...(lostTerm === 0
      ? []
      : [`repaired once: what it acknowledged up to term ${lostTerm} may come from its peers`]),
    ...(dropped === 0
      ? []
      : [`${dropped} bytes of an unfinished write at the end, which nobody was told of`]),
  ];
}

function segmentLines(
  { path, bytes, frames, unreadable }: SegmentExamination,
  withEntries: boolean,
): string[] {
  if (bytes === null) return [`${path}: missing`];
  const entries = frames.flatMap((frame) => frame.entries);
  const [first, last] = [entries[0], entries.at(-1)];
  const range = first === undefined || last === undefined ? "" : `, ${idText(first)} to ${idText(last)}`;
  const count = `${frames.length} frames, ${entries.length} entries${range}`;
  return [
    `${path}: ${bytes} bytes, ${count}`,
    ...(withEntries ? frames.flatMap(frameLines) : []),
    ...unreadable.map(({ offset, length }) => `  unreadable: ${length} bytes at ${offset}`),
  ];
}

function frameLines({ header, entries, restartAfter }: FrameExamination): string[] {
  const { sequence, offset, length, hardState } = header;
  const { term, vote, commit } = hardState;
  return [
    `  frame ${sequence} at ${offset}, ${length} bytes: term ${term}, vote ${vote ?? "none"}, commit ${commit}`,
    ...(restartAfter === null ? [] : [`    the log begins anew after ${restartAfter}`]),
    ...entries.map((entry) => `    ${idText(entry)} ${entry.kind}, ${entry.size} bytes`),
  ];
}

function asJson(found: Found, withEntries: boolean) {
  const { manifest, slots, segments, snapshots, strays, problems, holder } = found;
  return {
    holder,
    manifest,
    recovered: recoveredAsJson(found),
    slots,
    segments: segments.map((segment) => ({
      ...segment,
      frames: withEntries ? segment.frames : segment.frames.length,
      entries: segment.frames.reduce((sum, frame) => sum + frame.entries.length, 0),
    })),
    snapshots: snapshots.map(({ path, listing, snapshot }) => {
      return { path, ...listing, membership: snapshot?.metadata.membership ?? null };
    }),
    strays,
    problems: problems.map(problemAsJson),
  };
}

/** JSON has no undefined: what there is not is null. */
function nullForNothing(_key: string, value: unknown): unknown {
  return value ?? null;
}

/** What a start would find, null when it would refuse. */
function recoveredAsJson({ content }: Examination) {
  if (content === null) return null;
  const { hardState, snapshot, entries } = content.log;
  return {
    hardState,
    snapshotIndex: snapshot?.metadata.index ?? null,
    firstIndex: entries[0]?.index ?? null,
    lastIndex: entries.at(-1)?.index ?? null,
    droppedBytes: content.wal.droppedBytes,
  };
}
