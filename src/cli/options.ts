interface Option {
  readonly type: 'string' | 'boolean';
  readonly short?: string;
  /** Of its value, as the usage writes it. */
  readonly value?: string;
  readonly meaning: string;
  /** Every command takes it. */
  readonly everywhere?: true;
}

export const OPTIONS = {
  service: {
    type: 'string',
    value: 'URL',
    meaning: "the service, or azd: the one of azd's environment; else IMAGE_CACHE_URL",
    everywhere: true,
  },
  storage: {
    type: 'boolean',
    meaning: "no service: on storage itself, by the app's settings",
  },
  platform: {
    type: 'string',
    value: 'P',
    meaning: "os/architecture[/variant]; else the service's default",
  },
  'no-wait': { type: 'boolean', meaning: 'ask, and do not wait' },
  'until-idle': { type: 'boolean', meaning: 'end when nothing is on its way' },
  file: {
    type: 'string',
    short: 'f',
    value: 'FILE',
    meaning: 'images from a file, one per line; - is standard input',
  },
  sort: { type: 'string', value: 'KEY', meaning: 'name, size, created, used or prune; else by blob name' },
  filter: { type: 'string', value: 'TEXT', meaning: 'only images with it in their name; * for anything' },
  'dry-run': { type: 'boolean', meaning: 'say what would be done, and do nothing' },
  all: { type: 'boolean', meaning: 'every image that is cached' },
  json: { type: 'boolean', meaning: 'answers as JSON on standard output; watch: a line per change' },
  help: { type: 'boolean', short: 'h', meaning: 'this text', everywhere: true },
  version: { type: 'boolean', meaning: 'the version', everywhere: true },
} as const satisfies Record<string, Option>;

export type OptionName = keyof typeof OPTIONS;

export type OptionValues = {
  readonly [Name in OptionName]?: (typeof OPTIONS)[Name]['type'] extends 'string' ? string : boolean;
};

/** The table, in its order. */
export const OPTION_LIST: readonly (Option & { readonly name: OptionName })[] = (
  Object.entries(OPTIONS) as [OptionName, Option][]
).map(([name, option]) => ({ ...option, name }));

/** What a command takes: its own, and what every one takes. */
export function optionsOf(names: readonly OptionName[]): typeof OPTION_LIST {
  return OPTION_LIST.filter(({ name, everywhere }) => everywhere === true || names.includes(name));
}
