import { starred } from './namePattern.ts';
import { parseReference } from './reference.ts';

/**
 * Tags of a registry's repositories, the newest of them: `myreg.azurecr.io/team/tool:1.* newest=3 not=*-rc*`. A star
 * stands for anything, in the repository's name too.
 */
export interface TagSelection {
  /** As it was written. */
  readonly text: string;
  readonly registry: string;
  /** A name, or where there is a star in it, undefined: then the registry's catalogue is held against `repositories`. */
  readonly repository: string | undefined;
  readonly repositories: RegExp;
  /** How many, of each repository. */
  readonly newest: number;
  readonly takes: (tag: string) => boolean;
}

const MOST_NEWEST = 1000;
/**
 * Tags that stand for signatures and the like of an image, or for its digest; none is an image to run.
 * https://github.com/opencontainers/distribution-spec/blob/main/spec.md#referrers-tag-schema
 */
const REFERRERS_TAG = /^sha(256|512)-[0-9a-f]{32,}(\.\w+)?$/;

/** @throws {Error} where it is none */
export function parseTagSelection(text: string): TagSelection {
  const [name = '', ...words] = text.trim().split(/\s+/);
  const colon = name.lastIndexOf(':');
  const hasTags = colon > name.lastIndexOf('/');
  const path = hasTags ? name.slice(0, colon) : name;
  const wanted = matcher(hasTags ? name.slice(colon + 1) : '*');
  const { registry, repository } = splitPath(path);
  let newest = 1;
  const unwanted: RegExp[] = [];
  for (const word of words) {
    const [, key, value = ''] = /^(newest|not)=(.+)$/.exec(word) ?? [];
    if (key === 'not') unwanted.push(matcher(value));
    else if (key === 'newest' && /^[1-9][0-9]*$/.test(value) && Number(value) <= MOST_NEWEST)
      newest = Number(value);
    else throw new Error(`"${word}" is not known.`);
  }
  return {
    text: text.trim(),
    registry,
    repository: repository.includes('*') ? undefined : repository,
    repositories: new RegExp(`^${starred(repository)}$`),
    newest,
    takes: (tag) =>
      wanted.test(tag) && !unwanted.some((pattern) => pattern.test(tag)) && !REFERRERS_TAG.test(tag),
  };
}

/** The host is written out, since it says whom to ask; what it would be with letters for stars says whether it is one. */
function splitPath(path: string): { registry: string; repository: string } {
  const slash = path.indexOf('/');
  const host = path.slice(0, Math.max(0, slash)).toLowerCase();
  const repository = path.slice(slash + 1);
  if (host === '' || repository === '' || host.includes('*') || !/[.:]|^localhost$/.test(host))
    throw new Error('It names no registry and repository.');
  parseReference(`${host}/${repository.replaceAll('*', 'x')}`);
  return { registry: host, repository };
}

function matcher(pattern: string): RegExp {
  if (!/^[\w.*-]+$/.test(pattern)) throw new Error(`"${pattern}" can match no tag.`);
  return new RegExp(`^${starred(pattern)}$`);
}
