import { Random } from "../../base/random.ts";
import { inRange, type Key, type KeyRange } from "./key-range.ts";

/** All members that have the same range. */
interface Node<Member> {
  readonly range: KeyRange;
  readonly members: Set<Member>;
  /** Higher ones are nearer to the root. Drawn by chance, which keeps the tree flat whatever the ranges are. */
  readonly priority: number;
  left: Node<Member> | null;
  right: Node<Member> | null;
  /** The highest end in this subtree. */
  highest: Key;
}

type Tree<Member> = Node<Member> | null;

/**
 * Finds the ranges that hold a key among very many, without looking at the others: an interval tree (Cormen et al.,
 * section 14.3) on a treap (Seidel and Aragon). Nodes are ordered by where their ranges begin.
 */
export class RangeTree<Member> {
  #root: Tree<Member> = null;
  #size = 0;
  readonly #random = new Random(1);

  get size(): number {
    return this.#size;
  }

  add(range: KeyRange, member: Member): void {
    let node = find(this.#root, range);
    if (node === null) {
      const priority = this.#random.next();
      node = { range, members: new Set(), priority, left: null, right: null, highest: endOf(range) };
      this.#root = insert(this.#root, node);
    }
    if (node.members.has(member)) return;
    node.members.add(member);
    this.#size += 1;
  }

  delete(range: KeyRange, member: Member): void {
    const node = find(this.#root, range);
    if (node === null || !node.members.delete(member)) return;
    this.#size -= 1;
    if (node.members.size === 0) this.#root = remove(this.#root, range);
  }

  /** Visits the members whose ranges hold the key. The tree must not change meanwhile. */
  visit(key: Key, visit: (member: Member) => void): void {
    visitHolding(this.#root, key, visit);
  }

  *[Symbol.iterator](): Generator<Member> {
    yield* allBelow(this.#root);
  }
}

function visitHolding<Member>(tree: Tree<Member>, key: Key, visit: (member: Member) => void): void {
  if (tree === null || tree.highest <= key) return;
  visitHolding(tree.left, key, visit);
  if (tree.range.from > key) return; // And so does everything to the right.
  if (inRange(key, tree.range)) for (const member of tree.members) visit(member);
  visitHolding(tree.right, key, visit);
}

function* allBelow<Member>(tree: Tree<Member>): Generator<Member> {
  if (tree === null) return;
  yield* allBelow(tree.left);
  yield* tree.members;
  yield* allBelow(tree.right);
}

function find<Member>(tree: Tree<Member>, range: KeyRange): Tree<Member> {
  let node = tree;
  for (;;) {
    const order = node === null ? 0 : compareRanges(range, node.range);
    if (node === null || order === 0) return node;
    node = order < 0 ? node.left : node.right;
  }
}

function insert<Member>(tree: Tree<Member>, node: Node<Member>): Node<Member> {
  if (tree === null) return node;
  if (node.priority > tree.priority) {
    [node.left, node.right] = split(tree, node.range);
    return updated(node);
  }
  if (compareRanges(node.range, tree.range) < 0) tree.left = insert(tree.left, node);
  else tree.right = insert(tree.right, node);
  return updated(tree);
}

function remove<Member>(tree: Tree<Member>, range: KeyRange): Tree<Member> {
  if (tree === null) return null;
  const order = compareRanges(range, tree.range);
  if (order === 0) return merge(tree.left, tree.right);
  if (order < 0) tree.left = remove(tree.left, range);
  else tree.right = remove(tree.right, range);
  return updated(tree);
}

/** What lies before `range`, and what behind. */
function split<Member>(tree: Tree<Member>, range: KeyRange): [Tree<Member>, Tree<Member>] {
  if (tree === null) return [null, null];
  if (compareRanges(tree.range, range) < 0) {
    const [before, behind] = split(tree.right, range);
    tree.right = before;
    return [updated(tree), behind];
  }
  const [before, behind] = split(tree.left, range);
  tree.left = behind;
  return [before, updated(tree)];
}

function merge<Member>(left: Tree<Member>, right: Tree<Member>): Tree<Member> {
  if (left === null) return right;
  if (right === null) return left;
  if (left.priority > right.priority) {
    left.right = merge(left.right, right);
    return updated(left);
  }
  right.left = merge(left, right.left);
  return updated(right);
}

function updated<Member>(node: Node<Member>): Node<Member> {
  node.highest = endOf(node.range);
  if (node.left !== null && node.left.highest > node.highest) node.highest = node.left.highest;
  if (node.right !== null && node.right.highest > node.highest) node.highest = node.right.highest;
  return node;
}

/** Above every byte string. */
const OPEN_END = "\u0100";

function endOf({ to }: KeyRange): Key {
  return to ?? OPEN_END;
}

function compareRanges(left: KeyRange, right: KeyRange): number {
  if (left.from !== right.from) return left.from < right.from ? -1 : 1;
  const [leftEnd, rightEnd] = [endOf(left), endOf(right)];
  return leftEnd < rightEnd ? -1 : leftEnd > rightEnd ? 1 : 0;
}
