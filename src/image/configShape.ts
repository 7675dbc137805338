import { isObject } from './json.ts';
import { member } from './goJson.ts';

/**
 * What a config's members have to be, so that what loads it can parse it: Go refuses the whole of a config for one
 * member of the wrong type. Only what Docker's classic store and containerd ask alike; what only one of them reads
 * is left to it.
 * https://github.com/opencontainers/image-spec/blob/main/config.md#properties
 * https://github.com/moby/moby/blob/v28.5.2/image/image.go
 */
export type Shape = keyof typeof SCALARS | readonly ['each', Shape] | { readonly [name: string]: Shape };

const SCALARS = {
  text: (value: unknown) => typeof value === 'string',
  flag: (value: unknown) => typeof value === 'boolean',
  /** Names and their texts. */
  labels: (value: unknown) => everyMember(value, (item) => typeof item === 'string'),
  /** Names, each with an object that says no more. */
  names: (value: unknown) => everyMember(value, isObject),
  time: (value: unknown) => typeof value === 'string' && isTime(value),
  /** One text, or a list of them: Docker takes both for a command. */
  command: (value: unknown) =>
    typeof value === 'string' ||
    (Array.isArray(value) && value.every((item) => typeof item === 'string' || item === null)),
};

export const CONFIG_SHAPE: Shape = {
  created: 'time',
  author: 'text',
  architecture: 'text',
  variant: 'text',
  os: 'text',
  'os.version': 'text',
  'os.features': ['each', 'text'],
  config: {
    User: 'text',
    ExposedPorts: 'names',
    Env: ['each', 'text'],
    Entrypoint: 'command',
    Cmd: 'command',
    Volumes: 'names',
    WorkingDir: 'text',
    Labels: 'labels',
    StopSignal: 'text',
  },
  rootfs: { type: 'text', diff_ids: ['each', 'text'] },
  history: [
    'each',
    { created: 'time', author: 'text', created_by: 'text', comment: 'text', empty_layer: 'flag' },
  ],
};

/** The name of the first member that is not as it has to be; undefined where all are. Null fits everywhere. */
export function misfit(value: unknown, shape: Shape, name = ''): string | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof shape === 'string') return SCALARS[shape](value) ? undefined : name;
  if (isEach(shape)) {
    if (!Array.isArray(value)) return name;
    return first(value.entries(), ([at, item]) => misfit(item, shape[1], `${name}[${at}]`));
  }
  if (!isObject(value)) return name;
  return first(Object.entries(shape), ([key, inner]) =>
    misfit(member(value, key), inner, name === '' ? key : `${name}.${key}`),
  );
}

function everyMember(value: unknown, fits: (item: unknown) => boolean): boolean {
  return isObject(value) && Object.values(value).every((item) => item === null || fits(item));
}

function isEach(shape: Shape): shape is readonly ['each', Shape] {
  return Array.isArray(shape);
}

function first<T>(items: Iterable<T>, find: (item: T) => string | undefined): string | undefined {
  for (const item of items) {
    const found = find(item);
    if (found !== undefined) return found;
  }
  return undefined;
}

const TIME =
  /^(\d{4}-\d\d-\d\d)T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:[.,]\d+)?(?:Z|[+-](?:[01]\d|2[0-4]):[0-5]\d)$/;

/** A time as Go reads it; no text at all is none. https://www.rfc-editor.org/rfc/rfc3339#section-5.6 */
function isTime(text: string): boolean {
  const day = TIME.exec(text)?.[1];
  const midnight = new Date(`${day ?? ''}T00:00:00Z`);
  // The 30th of February would be read as the 2nd of March.
  return !Number.isNaN(midnight.getTime()) && midnight.toISOString().startsWith(day ?? '');
}
