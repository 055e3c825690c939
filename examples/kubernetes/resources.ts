import type { KubeObject } from "./objects.ts";

/** Where the objects of a kind are stored: below `/registry/<plural>/`, and there by namespace or not. */
export interface Resource {
  readonly plural: string;
  readonly isNamespaced: boolean;
}

/** Everything that the cluster stores lies below this prefix, as in Kubernetes. */
export const REGISTRY = "/registry/";

/** The namespace that the writers of the run work in. */
export const LOAD_NAMESPACE = "load";

const CLUSTER_SCOPED = new Set([
  "APIService",
  "CertificateSigningRequest",
  "ClusterRole",
  "ClusterRoleBinding",
  "CSIDriver",
  "CSINode",
  "CustomResourceDefinition",
  "FlowSchema",
  "IngressClass",
  "MutatingWebhookConfiguration",
  "Namespace",
  "Node",
  "PersistentVolume",
  "PriorityClass",
  "PriorityLevelConfiguration",
  "RuntimeClass",
  "StorageClass",
  "ValidatingAdmissionPolicy",
  "ValidatingAdmissionPolicyBinding",
  "ValidatingWebhookConfiguration",
  "VolumeAttachment",
]);

/** The resource of an object. A custom resource counts as namespaced if the object names a namespace. */
export function resourceOf({ apiVersion, kind, metadata }: KubeObject): Resource {
  const group = apiVersion.includes("/") ? apiVersion.slice(0, apiVersion.indexOf("/")) : "";
  if (isBuiltIn(group)) return { plural: pluralOf(kind), isNamespaced: !CLUSTER_SCOPED.has(kind) };
  // Others may have taken the same word: Knative knows services, too.
  return { plural: `${pluralOf(kind)}.${group}`, isNamespaced: metadata.namespace !== undefined };
}

/** The groups of Kubernetes itself have no dot, or end in `.k8s.io`: `apps`, `batch`, `networking.k8s.io`. */
const isBuiltIn = (group: string): boolean => !group.includes(".") || group.endsWith(".k8s.io");

/** The key of an object: `/registry/pods/shop/web-1`, or `/registry/nodes/worker-1` for what belongs to the cluster. */
export function keyOf(object: KubeObject): string {
  const { plural, isNamespaced } = resourceOf(object);
  const { name, namespace = "default" } = object.metadata;
  return isNamespaced ? `${REGISTRY}${plural}/${namespace}/${name}` : `${REGISTRY}${plural}/${name}`;
}

/** `NetworkPolicy` → `networkpolicies`, by the rules that Kubernetes itself guesses plurals with. */
export function pluralOf(kind: string): string {
  const singular = kind.toLowerCase();
  if (singular.endsWith("endpoints")) return singular;
  if (/(s|x|z|ch|sh)$/.test(singular)) return `${singular}es`;
  if (/[^aeiou]y$/.test(singular)) return `${singular.slice(0, -1)}ies`;
  return `${singular}s`;
}
