/** `npm run accept [NAME …]`: writes into the scenarios what they give now. Read the difference before you commit it. */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { answerScenario } from "../test/raft/scenarios/scenario.ts";

const FOLDER = new URL("../test/raft/scenarios/", import.meta.url);

const names = process.argv.slice(2);
const files = readdirSync(FOLDER).filter((file) => {
  return file.endsWith(".txt") && (names.length === 0 || names.includes(file.slice(0, -".txt".length)));
});
for (const name of names) {
  if (!files.includes(`${name}.txt`)) throw new Error(`there is no scenario called ${name}`);
}
for (const file of files) {
  const before = readFileSync(new URL(file, FOLDER), "utf8");
  const after = answerScenario(before);
  if (after === before) continue;
  writeFileSync(new URL(file, FOLDER), after);
  console.log(`accepted ${file}`);
}
