import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, test } from "vitest";
import { faultInHistory, faultInWatch } from "../../examples/kubernetes/checks/history.ts";
import { loadManifests, type Problem } from "../../examples/kubernetes/manifests.ts";
import type { KubeObject } from "../../examples/kubernetes/objects.ts";
import { LineFile, readLines } from "../../examples/kubernetes/records/line-file.ts";
import { keyOf, pluralOf } from "../../examples/kubernetes/resources.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const SHIPPED = join(ROOT, "examples/kubernetes/manifests");
const CONFIG_MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: NAME }\n";

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

function folderOf(files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(tmpdir(), "quorate-kubernetes-test-"));
  folders.push(folder);
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  return folder;
}

const configMap = (name: string, rest = ""): string => CONFIG_MAP.replace("NAME", name) + rest;
const namesIn = (files: Readonly<Record<string, string>>): string[] =>
  loadManifests(folderOf(files)).objects.map(({ metadata }) => metadata.name);
const problemsIn = (files: Readonly<Record<string, string>>): readonly Problem[] =>
  loadManifests(folderOf(files)).problems;
const reasonFor = (text: string): string | undefined => problemsIn({ "a.yaml": text })[0]?.reason;

describe("the manifests of the example", () => {
  const { objects, problems } = loadManifests(SHIPPED);

  test("are at least 60 objects of at least 12 kinds, and none of them is broken", () => {
    expect(problems).toEqual([]);
    expect(objects.length).toBeGreaterThanOrEqual(60);
    const kinds = new Set(objects.map(({ kind }) => kind));
    expect(kinds.size).toBeGreaterThanOrEqual(12);
    for (const kind of [
      "Namespace",
      "Node",
      "Pod",
      "Deployment",
      "ReplicaSet",
      "Service",
      "Endpoints",
      "Event",
    ])
      expect(kinds).toContain(kind);
  });

  test("have a key each", () => {
    expect(new Set(objects.map(keyOf)).size).toBe(objects.length);
  });
});

describe("manifests", () => {
  test("are read from every YAML and JSON file below the folder, in order of the paths", () => {
    const files = {
      "b.yml": configMap("b"),
      "a/deep/a.yaml": configMap("a"),
      "c.json": '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"c"}}',
      "README.md": "# not a manifest",
    };
    expect(namesIn(files)).toEqual(["a", "b", "c"]);
  });

  test("may stand many in a file, in a List, or not at all between two lines of dashes", () => {
    const list = `kind: List\napiVersion: v1\nitems:\n- {apiVersion: v1, kind: Node, metadata: {name: node}}\n`;
    expect(namesIn({ "a.yaml": `---\n${configMap("one")}---\n# nothing\n---\n${list}---\n` })).toEqual([
      "one",
      "node",
    ]);
  });

  test("are YAML 1.1, as Kubernetes reads it: octal modes, merge keys, yes and no, but times are text", () => {
    const text = configMap(
      "a",
      "base: &base {mode: 0644, yes: no}\nderived: {<<: *base}\nday: 2024-05-01\nports: [22:22]\n",
    );
    const [object] = loadManifests(folderOf({ "a.yaml": text })).objects as unknown as Record<
      string,
      unknown
    >[];
    expect(object!["derived"]).toEqual({ mode: 420, true: false });
    expect(object!["day"]).toBe("2024-05-01");
    expect(object!["ports"]).toEqual(["22:22"]);
  });

  test("that are broken are told by file, document and reason, and the others are read", () => {
    const files = {
      "a.yaml": `${configMap("one")}---\nkind: [\n---\n${configMap("two")}`,
      "b.yaml": `${configMap("three")}---\nkind: Pod\n`,
    };
    expect(namesIn(files)).toEqual(["one", "two", "three"]);
    const problems = problemsIn(files);
    expect(problems.map(({ file, document }) => [file, document])).toEqual([
      ["a.yaml", 2],
      ["b.yaml", 2],
    ]);
    expect(problems[0]!.reason).toMatch(/line \d+, column \d+$/);
    expect(problems[1]!.reason).toBe("has no apiVersion");
  });

  test("that bear a name twice are refused the second time", () => {
    expect(problemsIn({ "a.yaml": configMap("x"), "b.yaml": configMap("x") })).toEqual([
      { file: "b.yaml", document: 1, reason: "/registry/configmaps/default/x was read before" },
    ]);
  });

  test.each([
    ["just text", "is not an object"],
    ["[1, 2]", "is not an object"],
    ["apiVersion: v1", "has no kind"],
    ["{apiVersion: v1, kind: pod, metadata: {name: a}}", 'kind "pod" is not in CamelCase'],
    ["{apiVersion: v1, kind: Pod}", "Pod has no metadata"],
    ["{apiVersion: v1, kind: Pod, metadata: {generateName: a-}}", "Pod has no metadata.name"],
    [
      "{apiVersion: v1, kind: Pod, metadata: {name: Not_A_Name}}",
      'metadata.name "Not_A_Name" is not a valid name',
    ],
    [
      "{apiVersion: v1, kind: Pod, metadata: {name: a, namespace: b/c}}",
      'metadata.namespace "b/c" is not a valid namespace',
    ],
    [
      "{apiVersion: v1, kind: Pod, metadata: {name: a, labels: {tier: 1}}}",
      "metadata.labels must map names to strings",
    ],
    ["{apiVersion: v1, kind: Pod, metadata: {name: a}}", "has no spec"],
    ["{apiVersion: v1, kind: Pod, metadata: {name: a}, spec: {containers: []}}", "spec.containers is empty"],
    [
      "{apiVersion: v1, kind: Pod, metadata: {name: a}, spec: {containers: [{}]}}",
      "spec.containers[0] has no name",
    ],
    [
      "{apiVersion: apps/v1, kind: ReplicaSet, metadata: {name: a}, spec: {replicas: -1}}",
      "spec.replicas -1 is not a count",
    ],
    ["{apiVersion: apps/v1, kind: Deployment, metadata: {name: a}, spec: {}}", "has no spec.template"],
    ["{apiVersion: v1, kind: Secret, metadata: {name: a}, data: {key: p@ss}}", "data.key is not base64"],
    [
      "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}, data: {port: 80}}",
      "data must map names to strings",
    ],
    ["{apiVersion: v1, kind: RoleBinding, metadata: {name: a}}", "RoleBinding has no roleRef.name"],
  ])("such as %s are refused", (text, reason) => {
    expect(reasonFor(text)).toBe(reason);
  });

  test("full of aliases cannot blow up", () => {
    const rows = Array.from({ length: 12 }, (_, at) => `l${at + 1}: &l${at + 1} [${`*l${at},`.repeat(9)}]`);
    expect(reasonFor(configMap("a", `l0: &l0 [x]\n${rows.join("\n")}\n`))).toMatch(/alias/);
  });
});

describe("the key of an object", () => {
  const object = (apiVersion: string, kind: string, namespace?: string): KubeObject => ({
    apiVersion,
    kind,
    metadata: namespace === undefined ? { name: "a" } : { name: "a", namespace },
  });

  test("has the namespace of what is namespaced, and none of what belongs to the cluster", () => {
    expect(keyOf(object("v1", "Pod", "shop"))).toBe("/registry/pods/shop/a");
    expect(keyOf(object("v1", "Pod"))).toBe("/registry/pods/default/a");
    expect(keyOf(object("v1", "Node", "shop"))).toBe("/registry/nodes/a");
    expect(keyOf(object("rbac.authorization.k8s.io/v1", "ClusterRole"))).toBe("/registry/clusterroles/a");
  });

  test("has the group of a custom resource, which may be called like another", () => {
    expect(keyOf(object("serving.knative.dev/v1", "Service", "shop"))).toBe(
      "/registry/services.serving.knative.dev/shop/a",
    );
    expect(keyOf(object("example.org/v1", "Galaxy"))).toBe("/registry/galaxies.example.org/a");
  });

  test("has the plural that Kubernetes uses", () => {
    const plurals = {
      Endpoints: "endpoints",
      Ingress: "ingresses",
      NetworkPolicy: "networkpolicies",
      Gateway: "gateways",
    };
    for (const [kind, plural] of Object.entries(plurals)) expect(pluralOf(kind)).toBe(plural);
  });
});

describe("a file of lines", () => {
  test("keeps every whole line, and loses a tail that a kill cut short", () => {
    const path = join(folderOf({}), "lines.jsonl");
    new LineFile<number[]>(path).append([1, 2]);
    writeFileSync(path, "[3,", { flag: "a" });
    expect(readLines(path)).toEqual([[1, 2]]);

    new LineFile<number[]>(path).append([4]);
    expect(readLines(path)).toEqual([[1, 2], [4]]);
  });

  test("that is not there has no lines", () => {
    expect(readLines(join(folderOf({}), "none.jsonl"))).toEqual([]);
  });
});

describe("the check of the watches", () => {
  const history = [2, 3, 4].map((revision) => [revision, [`put /registry/pods/a/${revision}`]] as const);

  test("accepts a history that tells of each revision once", () => {
    expect(faultInHistory(history, 4)).toBeNull();
    expect(faultInWatch(history, history)).toBeNull();
  });

  test("finds a revision that is missing, comes twice, or in another order", () => {
    expect(faultInHistory([history[0]!, history[2]!], 4)).toMatch("revision 4 where 3 is due");
    expect(faultInHistory([history[0]!, history[0]!], 4)).toMatch("revision 2 where 3 is due");
    expect(faultInHistory(history, 5)).toMatch("ends at revision 4 instead of 5");
    expect(faultInWatch([history[0]!], history)).toMatch("never saw revision 3");
    expect(faultInWatch([history[1]!, history[0]!], history)).toMatch("saw revision 3 where 2 was due");
    expect(faultInWatch([...history, history[2]!], history)).toMatch(
      "revision 4, which the history does not have",
    );
  });

  test("finds a revision that was seen in part", () => {
    const both = [[2, ["put /registry/a", "delete /registry/b"]]] as const;
    expect(faultInWatch([[2, ["put /registry/a"]]], both)).toMatch("at revision 2");
  });
});

describe("npm start", () => {
  const start = (...args: readonly string[]) =>
    spawnSync(process.execPath, ["--import", "tsx", join(ROOT, "examples/kubernetes/main.ts"), ...args], {
      cwd: ROOT,
      encoding: "utf8",
    });

  test.each([
    [["--nope"], "--nope"],
    [["/no/such/folder"], "/no/such/folder is not a folder"],
    [["a", "b"], "one folder of manifests is expected, not 2"],
    [["--dir", SHIPPED], "is not an empty folder"],
  ])("%j is refused with exit code 2", (args, reason) => {
    const { status, stderr } = start(...args);
    expect(stderr).toContain(reason);
    expect(status).toBe(2);
  });

  test("--help tells the options", () => {
    const { status, stdout } = start("--help");
    expect(stdout).toContain("--dir DATA");
    expect(status).toBe(0);
  });

  test("loses nothing while the leader is killed three times, and leaves nothing behind", {
    timeout: 90_000,
  }, () => {
    const temporary = folderOf({});
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      ["--import", "tsx", join(ROOT, "examples/kubernetes/main.ts")],
      { cwd: ROOT, encoding: "utf8", env: { ...process.env, TMPDIR: temporary } },
    );
    expect(stderr).toBe("");
    expect(stdout.trimEnd().split("\n").at(-1)).toMatch(
      /^main job: ok, \d+ writes acknowledged, 0 lost, 3 failovers$/,
    );
    expect(status).toBe(0);
    // What tsx caches there is its own affair.
    expect(readdirSync(temporary).filter((name) => name.startsWith("quorate"))).toEqual([]);
  });
});
