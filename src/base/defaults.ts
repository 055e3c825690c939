/** What a caller may set of some settings. An option that is given as `undefined` counts as not given. */
export type Overrides<Settings> = { readonly [Name in keyof Settings]?: Settings[Name] | undefined };

/**
 * Returns the options that are set, to be spread over defaults: `{ ...DEFAULTS, ...defined(options) }`. Without it an
 * option that is given as `undefined` would hide its default.
 */
export function defined<Options extends object>(
  options: Options,
): { [Name in keyof Options]: Exclude<Options[Name], undefined> } {
  const set = Object.entries(options).filter(([, value]) => value !== undefined);
  return Object.fromEntries(set) as { [Name in keyof Options]: Exclude<Options[Name], undefined> };
}
