const EXIT_CODES = `Ends with 0 when nothing was broken, with 1 when something was, with 2 when too little
happened to say anything, or the command line makes no sense.
`;

const MODULE = `Without a module it is the key-value store that runs. A module exports as its default what
\`simulate\` of quorate/testkit takes.
`;

/** What `quorate sim --help` prints. */
export const SIM_HELP = `Usage: quorate sim run [MODULE] [options]
       quorate sim replay SCENARIO [MODULE]
       quorate sim explain SCENARIO [MODULE]
       quorate sim shrink SCENARIO [MODULE]
       quorate sim view SCENARIO [MODULE]
       quorate sim totest SCENARIO [MODULE]

Runs clusters through crashes, torn disks, partitions and changes of membership, in virtual
time, and holds what happens against everything that is promised. A failure is a file, the
scenario, which can be run again, explained in words, made smaller, shown as a picture and
made a test of. Each of the six has its own --help.

${MODULE}
${EXIT_CODES}`;

/** What `quorate sim VERB --help` prints. */
export const VERB_HELP = {
  run: `Usage: quorate sim run [MODULE] [--mode core|full] [--faults NAME] [--seed N]
                       [--seeds N | --minutes M] [--shrink-seconds S] [--out DIR] [--json]

Runs seed after seed until one breaks something, then makes that scenario as small as it can
and writes it down. Each seed is another cluster with other faults; the same seed is the same
life again, to the last message.

  --mode            core: cores alone, fast; full (default): whole members with their disks
  --faults          standard (default), nightmare (rotting disks and operators' mistakes as
                    well), none, or one kind: network, partitions, crashes, pauses, clocks,
                    disks, rot, membership, operator
  --seed            the first seed, 1 by default
  --seeds           how many seeds to run; 100 where no minutes are given
  --minutes         begin no further seed after so long
  --shrink-seconds  how long to make a failure smaller, 20 by default
  --out             where a failure is written, sim-failures/SEED by default: scenario.json,
                    as small as it could be made, original.json, as it was found, and
                    report.html, the picture
  --json            the whole report as JSON

${MODULE}
${EXIT_CODES}`,

  replay: `Usage: quorate sim replay SCENARIO [MODULE] [--json]

Runs a scenario again, and tells the story of what it breaks: what led to it, a line for each
event. With --json, everything that happened.

${MODULE}
${EXIT_CODES}`,

  explain: `Usage: quorate sim explain SCENARIO [MODULE]

Tells a scenario's run in words: first what was done to the cluster, what its clients saw and
who came to lead; then all that led to what is broken, message by message.

${MODULE}
${EXIT_CODES}`,

  shrink: `Usage: quorate sim shrink SCENARIO [MODULE] [--seconds S]

Makes a scenario smaller that breaks something, in its file: as few actions, members and
faults as still break the same promise. Ends earlier when nothing more can be left out.

  --seconds  how long to try, 30 by default

${MODULE}
${EXIT_CODES}`,

  view: `Usage: quorate sim view SCENARIO [MODULE] [--out FILE]

Writes a scenario's run as one page of HTML, which needs no network: who told whom what and
when, what each log held at each moment, what clients saw, and what led to the violation.

  --out  the page, beside the scenario by default

${MODULE}`,

  totest: `Usage: quorate sim totest SCENARIO [MODULE]

Prints a test of vitest that runs the scenario and fails while anything is broken: to be kept
with your tests, so that it does not come back. MODULE is imported as it is written here.

${MODULE}`,
} as const;
