import { CacheError } from '../errors.ts';
import { algorithmOf, type Digest, hexOf, parseDigest } from './digest.ts';
import { printable } from './printable.ts';

/**
 * An image reference as Docker understands it: `[host[:port]/]path[:tag][@digest]`.
 * Grammar: https://github.com/distribution/reference/blob/main/reference.go
 */
export interface ImageReference {
  /** Host, with a port where one was given: `docker.io`, `ghcr.io`, `localhost:5000`, `[::1]:5000`. */
  readonly registry: string;
  /** Path below the registry: `library/ubuntu`, `broadinstitute/gatk`. */
  readonly repository: string;
  readonly tag?: string;
  /** Wins over the tag, which is then only a label. */
  readonly digest?: Digest;
}

/** What all tags and digests of a repository have in common. */
export type RepositoryName = Pick<ImageReference, 'registry' | 'repository'>;

export const DOCKER_HUB = 'docker.io';

const PATH_COMPONENT = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$/;
const TAG = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/;
const HOST_LABEL = '(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])';
const HOST = new RegExp(`^(?:${HOST_LABEL}(?:\\.${HOST_LABEL})*|\\[[a-fA-F0-9:]+\\])(?::[0-9]{1,5})?$`);

/** Docker's own limit on `host/path`, https://github.com/distribution/reference. */
const MAX_NAME_LENGTH = 255;
/** Nothing longer can be a reference: name, tag and the longest digest. */
const MAX_REFERENCE_LENGTH = MAX_NAME_LENGTH + 1 + 128 + 1 + 'sha512:'.length + 128;

/** @throws {CacheError} invalid_reference, with the text and what is wrong with it */
export function parseReference(text: string): ImageReference {
  const refuse = (why: string): never => {
    throw new CacheError('invalid_reference', `"${printable(text, 300)}" is not an image reference: ${why}`);
  };
  if (text === '') refuse('it is empty. Write, for example, ubuntu:24.04.');
  if (text.length > MAX_REFERENCE_LENGTH) refuse(`it is longer than ${MAX_REFERENCE_LENGTH} characters.`);
  if (text.includes('://')) refuse('leave out the scheme (https://).');

  const at = text.indexOf('@');
  const named = at === -1 ? text : text.slice(0, at);
  const digest =
    at === -1 ? undefined : parseDigest(text.slice(at + 1), `the digest of "${printable(text, 300)}"`);

  const colon = named.lastIndexOf(':');
  const hasTag = colon > named.lastIndexOf('/');
  const tag = hasTag ? named.slice(colon + 1) : undefined;
  if (tag !== undefined && !TAG.test(tag)) {
    refuse(
      `"${printable(tag)}" is not a tag: up to 128 letters, digits, "_", "." and "-", not starting with "." or "-".`,
    );
  }

  const { registry, repository } = splitName(hasTag ? named.slice(0, colon) : named);
  if (!HOST.test(registry) || !portInRange(registry) || !URL.canParse(`https://${registry}`))
    refuse(`"${printable(registry)}" is not a registry host.`);
  if (registry.length + 1 + repository.length > MAX_NAME_LENGTH) {
    refuse(`host and repository are longer than ${MAX_NAME_LENGTH} characters.`);
  }
  for (const component of repository.split('/')) {
    if (PATH_COMPONENT.test(component)) continue;
    refuse(
      component !== component.toLowerCase()
        ? `repository names are lower case; "${printable(component)}" is not.`
        : `"${printable(component)}" is not a repository name: lower-case letters and digits, separated by ".", "_", "__" or "-".`,
    );
  }
  return {
    registry,
    repository,
    ...(tag !== undefined && { tag }),
    ...(digest !== undefined && { digest }),
    ...(tag === undefined && digest === undefined && { tag: 'latest' }),
  };
}

function splitName(name: string): { registry: string; repository: string } {
  const slash = name.indexOf('/');
  const first = slash === -1 ? '' : name.slice(0, slash);
  const isHost = looksLikeHost(first);
  const registry = isHost ? normaliseHost(first) : DOCKER_HUB;
  const path = isHost ? name.slice(slash + 1) : name;
  return { registry, repository: registry === DOCKER_HUB && !path.includes('/') ? `library/${path}` : path };
}

/** Docker's rule: the first component is a host only if it could not be a path component. */
function looksLikeHost(first: string): boolean {
  return first !== '' && (/[.:]/.test(first) || first === 'localhost' || first !== first.toLowerCase());
}

function normaliseHost(host: string): string {
  const lower = host.toLowerCase();
  return lower === 'index.docker.io' || lower === 'registry-1.docker.io' ? DOCKER_HUB : lower;
}

function portInRange(registry: string): boolean {
  const port = /:([0-9]+)$/.exec(registry.replace(/^\[.*\]/, 'v6'))?.[1];
  return port === undefined || (Number(port) >= 1 && Number(port) <= 65535);
}

/** The whole reference with its defaults written out: `docker.io/library/ubuntu:24.04`. */
export function canonicalReference(ref: ImageReference): string {
  const tag = ref.tag === undefined ? '' : `:${ref.tag}`;
  const digest = ref.digest === undefined ? '' : `@${ref.digest}`;
  return `${ref.registry}/${ref.repository}${tag}${digest}`;
}

/** The name as Docker prints it: `ubuntu`, `broadinstitute/gatk`, `ghcr.io/owner/name`. */
export function familiarName(ref: RepositoryName): string {
  if (ref.registry !== DOCKER_HUB) return `${ref.registry}/${ref.repository}`;
  // library/library/x and library/a/b keep their prefix: only a bare name gets it back.
  const short = ref.repository.replace(/^library\//, '');
  if (!short.includes('/')) return short;
  // Docker Hub's team.name/image would be read as the host team.name.
  const [first = ''] = ref.repository.split('/');
  return looksLikeHost(first) ? `${DOCKER_HUB}/${ref.repository}` : ref.repository;
}

/** The one tag an archive carries; it runs on both of Docker's image stores. */
export function runReference(ref: RepositoryName, manifest: Digest): string {
  return `${familiarName(ref)}:${runTag(manifest)}`;
}

/** A tag takes 128 characters, so a sha512 is shortened: 64 of its digits tell any two images apart as well. */
export function runTag(manifest: Digest): string {
  return `${algorithmOf(manifest)}-${hexOf(manifest).slice(0, 64)}`;
}
