import { afterEach, expect, test } from "vitest";
import { Random } from "../../src/base/random.ts";
import { METHODS, type Method } from "../../src/wire/services.ts";
import { type Caller, caller, Opened, type Outcome, realEtcd, served } from "./auth-support.ts";

const opened = new Opened();
afterEach(() => opened.close());

const OPERATIONS = 400;
const SEED = 7;

/** One call, on behalf of a user or of nobody. */
interface Step {
  readonly by: string | null;
  readonly method: Method<object, object>;
  readonly request: object;
}

/** The same calls for a real etcd and for us, each with tokens of its own. */
class Side {
  readonly #url: string;
  readonly #callers = new Map<string | null, Caller>();

  constructor(url: string) {
    this.#url = url;
    this.#callers.set(null, caller(opened, url));
  }

  async step({ by, method, request }: Step): Promise<object> {
    const outcome = await (this.#callers.get(by) ?? this.#callers.get(null)!).call(method, request);
    // 3.4.23 goes on to look at tokens once authentication is disabled, and knows none then.
    if (method.path === METHODS.authDisable.path && "response" in outcome) this.#forgetTokens();
    if (method.path !== METHODS.authenticate.path || !("response" in outcome)) return comparable(outcome);
    const { name } = request as { readonly name: string };
    this.#callers.set(
      name,
      caller(opened, this.#url, (outcome.response as { readonly token: string }).token),
    );
    return { token: "some" };
  }

  #forgetTokens(): void {
    for (const name of this.#callers.keys()) if (name !== null) this.#callers.delete(name);
  }
}

/** What 3.4.23 tells whoever guesses that a user has no password; it is not told here. */
const NO_PASSWORD_USER = "auth: authentication failed, password was given for no password user";
const AUTH_FAILED = { code: 3, text: "etcdserver: authentication failed, invalid user ID or password" };

/** All but what names the cluster and its member. */
function comparable(outcome: Outcome<object>): object {
  if ("text" in outcome) return outcome.text === NO_PASSWORD_USER ? AUTH_FAILED : outcome;
  const { header, ...response } = outcome.response as {
    readonly header: { readonly revision: number } | null;
  };
  return { ...response, revision: header?.revision ?? 0 };
}

const USERS = ["root", "ann", "bob", ""];
const ROLES = ["root", "r1", "r2", ""];
/** None is empty: etcd looks at that before it looks at who calls, and we after. */
const KEYS = ["a", "ab", "b", "c"];
/** None makes a range without keys: what it takes to ask for nothing is a matter of etcd's tree. */
const ENDS = ["", "", "bb", "c1", "\0", "d"];
/** One range for each key, and none that is empty: 3.4.23 takes empty ones, and keeps several of the same key apart badly. */
const GRANTED = [
  { key: "a", rangeEnd: "" },
  { key: "ab", rangeEnd: "b" },
  { key: "b", rangeEnd: "c" },
  { key: "c", rangeEnd: "\0" },
];

function randomStep(random: Random): Step {
  const pick = <Value>(values: readonly Value[]): Value => values[random.between(0, values.length - 1)]!;
  const [user, role, key, rangeEnd] = [pick(USERS), pick(ROLES), pick(KEYS), pick(ENDS)];
  const prevKv = random.between(0, 3) === 0;
  const put = { key, value: "v", prevKv };
  const range = { key, rangeEnd: rangeEnd > key || rangeEnd === "\0" ? rangeEnd : "" };
  const op = () =>
    pick<object>([
      { requestPut: put },
      { requestRange: range },
      { requestDeleteRange: { ...range, prevKv } },
    ]);
  const calls: [object, object, number][] = [
    [METHODS.userAdd, { name: user, password: "p" }, 3],
    [METHODS.userAdd, { name: user, options: { noPassword: true } }, 1],
    [METHODS.userDelete, { name: user }, 1],
    [METHODS.userChangePassword, { name: user, password: pick(["p", "q"]) }, 1],
    [METHODS.userGrantRole, { user, role }, 4],
    [METHODS.userRevokeRole, { name: user, role }, 1],
    [METHODS.userGet, { name: user || "ann" }, 2],
    [METHODS.userList, {}, 1],
    [METHODS.roleAdd, { name: role }, 3],
    [METHODS.roleDelete, { role }, 1],
    [
      METHODS.roleGrantPermission,
      { name: role, perm: { permType: random.between(0, 2), ...pick(GRANTED) } },
      6,
    ],
    [METHODS.roleRevokePermission, { role, ...pick(GRANTED) }, 1],
    // Later versions say of the root role that it permits everything, as we do.
    [METHODS.roleGet, { role: role === "root" ? "r1" : role }, 2],
    [METHODS.roleList, {}, 1],
    [METHODS.authEnable, {}, 2],
    [METHODS.authDisable, {}, 1],
    [METHODS.authenticate, { name: user, password: pick(["p", "p", "q"]) }, 6],
    [METHODS.put, put, 6],
    [METHODS.range, range, 6],
    [METHODS.deleteRange, { ...range, prevKv }, 3],
    [
      METHODS.txn,
      {
        compare: [{ key: pick(["a", "b"]), rangeEnd: "", target: 0, result: 1 }],
        success: [op()],
        failure: [op()],
      },
      5,
    ],
  ];
  const weighted = calls.flatMap((call) => Array.from({ length: call[2] }, () => call));
  const [method, request] = pick(weighted);
  // Root and the others in turn: what root sets up is what the others run into. Nobody shows an old token to get a new one.
  const by = method === METHODS.authenticate ? null : pick([null, "root", "root", "ann", "ann", "bob"]);
  return { by, method: method as Step["method"], request };
}

/** Users who may do something, and are logged in. */
function prologue(): Step[] {
  const steps: Step[] = [];
  const call = (method: object, request: object = {}, by: string | null = null): void => {
    steps.push({ by, method: method as Step["method"], request });
  };
  for (const name of ["root", "ann", "bob"]) call(METHODS.userAdd, { name, password: "p" });
  for (const name of ["r1", "r2"]) call(METHODS.roleAdd, { name });
  call(METHODS.roleGrantPermission, { name: "r1", perm: { permType: 2, ...GRANTED[1] } });
  call(METHODS.roleGrantPermission, { name: "r1", perm: { permType: 0, ...GRANTED[0] } });
  call(METHODS.roleGrantPermission, { name: "r2", perm: { permType: 1, ...GRANTED[2] } });
  for (const [user, role] of [
    ["root", "root"],
    ["ann", "r1"],
    ["bob", "r2"],
  ])
    call(METHODS.userGrantRole, { user, role });
  call(METHODS.authEnable);
  for (const name of ["root", "ann", "bob"]) call(METHODS.authenticate, { name, password: "p" });
  return steps;
}

test("a real etcd answers every call about users, and every call of a user, as we do", {
  timeout: 120_000,
}, async (context) => {
  const real = await realEtcd(opened);
  if (real === null) context.skip("needs etcd");
  const { url } = await served(opened);
  const [theirs, ours] = [new Side(real!), new Side(url)];
  const random = new Random(SEED);
  const answers = new Map<string, number>();
  const steps = [...prologue(), ...Array.from({ length: OPERATIONS }, () => randomStep(random))];
  for (const [at, step] of steps.entries()) {
    const [their, our] = await Promise.all([theirs.step(step), ours.step(step)]);
    const { path } = step.method;
    expect([at, step.by, path, step.request, our]).toEqual([at, step.by, path, step.request, their]);
    const text = "text" in our ? String(our.text) : "ok";
    answers.set(text, (answers.get(text) ?? 0) + 1);
  }
  // Both were asked what matters: each of these was answered at least once.
  for (const text of ["ok", "etcdserver: permission denied", "etcdserver: user name is empty"])
    expect([text, answers.get(text) ?? 0]).toEqual([text, expect.toSatisfy((count: number) => count > 10)]);
});
