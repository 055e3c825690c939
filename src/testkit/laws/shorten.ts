/**
 * A shorter list that still fails: parts are left out, first large ones and then small ones, as long as what is left
 * fails (delta debugging, Zeller and Hildebrandt 2002). `fails` is asked at most `triesMax` times.
 */
export function shorten<Value>(
  list: readonly Value[],
  fails: (list: readonly Value[]) => boolean,
  triesMax: number,
): readonly Value[] {
  let tries = 0;
  for (let size = list.length; size >= 1; size = Math.floor(size / 2)) {
    for (let at = 0; at < list.length && tries < triesMax; ) {
      const shorter = [...list.slice(0, at), ...list.slice(at + size)];
      tries++;
      if (fails(shorter)) list = shorter;
      else at += size;
    }
  }
  return list;
}
