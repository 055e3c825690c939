/** A name as DNS knows it: lower case letters, digits, `-` and `.`; at most 253 characters. */
const SUBDOMAIN = /^(?=.{1,253}$)[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const LABEL = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;
/** RBAC names its objects `system:node` and such: anything that can stand in a path. */
const PATH_SEGMENT = /^(?!\.\.?$)[^/%]{1,253}$/;
const RBAC_KINDS = new Set(["Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding"]);

/** What is wrong with a manifest, in words for the person who wrote it; null if it can be stored and acted on. */
export function reasonAgainst(manifest: unknown): string | null {
  if (!isRecord(manifest)) return "is not an object";
  const { apiVersion, kind, metadata } = manifest;
  if (!isText(apiVersion)) return "has no apiVersion";
  if (!isText(kind)) return "has no kind";
  if (!/^[A-Z][A-Za-z0-9]*$/.test(kind)) return `kind ${JSON.stringify(kind)} is not in CamelCase`;
  if (!isRecord(metadata)) return `${kind} has no metadata`;
  return reasonAgainstMetadata(kind, metadata) ?? REASONS[kind]?.(manifest) ?? null;
}

function reasonAgainstMetadata(kind: string, { name, namespace, labels }: Fields): string | null {
  if (!isText(name)) return `${kind} has no metadata.name`;
  const isName = (RBAC_KINDS.has(kind) ? PATH_SEGMENT : SUBDOMAIN).test(name);
  if (!isName) return `metadata.name ${JSON.stringify(name)} is not a valid name`;
  if (namespace !== undefined && !(isText(namespace) && LABEL.test(namespace)))
    return `metadata.namespace ${JSON.stringify(namespace)} is not a valid namespace`;
  if (
    labels !== undefined &&
    !(isRecord(labels) && Object.values(labels).every((value) => typeof value === "string"))
  )
    return "metadata.labels must map names to strings";
  return null;
}

/** What the roles of this cluster, and users of the objects, rely on, by kind. */
const REASONS: Readonly<Record<string, (manifest: Fields) => string | null>> = {
  Pod: ({ spec }) => reasonAgainstPodSpec(spec, "spec"),
  ReplicaSet: reasonAgainstReplicas,
  Deployment: reasonAgainstReplicas,
  StatefulSet: reasonAgainstReplicas,
  DaemonSet: ({ spec }) => reasonAgainstTemplate(spec),
  Service: ({ spec }) => (isRecord(spec) ? null : "Service has no spec"),
  ConfigMap: ({ data }) => (data === undefined || isTextMap(data) ? null : "data must map names to strings"),
  Secret: ({ data }) => {
    if (data === undefined) return null;
    if (!isTextMap(data)) return "data must map names to strings";
    const bad = Object.keys(data).find((name) => !isBase64(data[name]!));
    return bad === undefined ? null : `data.${bad} is not base64`;
  },
  Role: reasonAgainstRules,
  ClusterRole: reasonAgainstRules,
  RoleBinding: reasonAgainstBinding,
  ClusterRoleBinding: reasonAgainstBinding,
};

function reasonAgainstReplicas({ spec }: Fields): string | null {
  if (!isRecord(spec)) return "has no spec";
  const { replicas } = spec;
  const isCount = replicas === undefined || (Number.isSafeInteger(replicas) && (replicas as number) >= 0);
  if (!isCount) return `spec.replicas ${JSON.stringify(replicas)} is not a count`;
  return reasonAgainstTemplate(spec);
}

function reasonAgainstTemplate(spec: unknown): string | null {
  if (!isRecord(spec) || !isRecord(spec["template"])) return "has no spec.template";
  return reasonAgainstPodSpec(spec["template"]["spec"], "spec.template.spec");
}

function reasonAgainstPodSpec(spec: unknown, path: string): string | null {
  if (!isRecord(spec)) return `has no ${path}`;
  const { containers } = spec;
  if (!Array.isArray(containers) || containers.length === 0) return `${path}.containers is empty`;
  const bad = containers.findIndex((container) => !isRecord(container) || !isText(container["name"]));
  return bad < 0 ? null : `${path}.containers[${bad}] has no name`;
}

function reasonAgainstRules({ rules, kind }: Fields): string | null {
  return rules === undefined || rules === null || Array.isArray(rules)
    ? null
    : `${kind}: rules is not a list`;
}

function reasonAgainstBinding({ roleRef, kind }: Fields): string | null {
  return isRecord(roleRef) && isText(roleRef["name"]) ? null : `${kind} has no roleRef.name`;
}

type Fields = Readonly<Record<string, unknown>>;

const isText = (value: unknown): value is string => typeof value === "string" && value !== "";
const isRecord = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const isTextMap = (value: unknown): value is Readonly<Record<string, string>> =>
  isRecord(value) && Object.values(value).every((each) => typeof each === "string");
const isBase64 = (text: string): boolean => /^[A-Za-z0-9+/\s]*={0,2}\s*$/.test(text);
