/** What a watcher saw of one revision: its number, and each change as `put <key>` or `delete <key>`. */
export type Observed = readonly [revision: number, changes: readonly string[]];
