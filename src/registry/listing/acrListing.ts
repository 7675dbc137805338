import type { ContainerRegistryClient } from '@azure/container-registry';
import { CacheError } from '../../errors.ts';
import { canonicalReference, type RepositoryName } from '../../image/reference.ts';
import type { Subject } from '../auth/authentication.ts';
import { acrHttpClient, type Lister, wrongList } from './acrHttpClient.ts';

/**
 * Lists of an Azure Container Registry, which knows when a tag was updated; no other registry tells. What one gives
 * are names as it wrote them.
 * https://learn.microsoft.com/rest/api/containerregistry/
 */

/** As many as ACR gives in one answer. */
const PAGE_SIZE = 100;
/** 50,000 names: more is a mistake, or a registry that plays. */
const MOST_PAGES = 500;

export async function* listRepositories(
  lister: Lister,
  registry: string,
): AsyncGenerator<string, void, void> {
  const name = `the catalogue of ${registry}`;
  const subject = lister.endpoint.subjectOf(registry, '', 'registry:catalog:*', name);
  const client = await open(lister, subject);
  yield* pages(subject, client.listRepositoryNames().byPage({ maxPageSize: PAGE_SIZE }), (item) => item);
}

export async function* listTags(
  lister: Lister,
  { registry, repository }: RepositoryName,
): AsyncGenerator<string, void, void> {
  const name = canonicalReference({ registry, repository });
  const scope = `repository:${repository}:metadata_read`;
  const subject = lister.endpoint.subjectOf(registry, repository, scope, name);
  const client = await open(lister, subject);
  const tags = client
    // Any tag: what is listed are the repository's.
    .getArtifact(repository, 'latest')
    .listTagProperties({ order: 'LastUpdatedOnDescending' });
  yield* pages(subject, tags.byPage({ maxPageSize: PAGE_SIZE }), (item) => item.name);
}

/** Loaded here and not before, for the sake of the cold start of an app that lists nothing. */
async function open(lister: Lister, subject: Subject): Promise<ContainerRegistryClient> {
  const sdk = await import('@azure/container-registry');
  // The SDK refuses to sign in over http; whether a registry may be asked over it, the egress rules say.
  return new sdk.ContainerRegistryClient(`https://${subject.registryUrl.host}`, {
    httpClient: acrHttpClient(lister, subject, MOST_PAGES),
    retryOptions: { maxRetries: 0 },
    redirectOptions: { maxRetries: 0 },
  });
}

async function* pages<Item>(
  subject: Subject,
  list: AsyncIterable<readonly Item[]>,
  nameOf: (item: Item) => unknown,
): AsyncGenerator<string, void, void> {
  try {
    for await (const page of list)
      for (const item of page) {
        const name = nameOf(item);
        if (typeof name !== 'string') throw wrongList(subject, 'its list has no names');
        yield name;
      }
  } catch (cause) {
    if (cause instanceof CacheError) throw cause;
    // What the SDK cannot read; its words may quote the registry's.
    throw wrongList(subject, 'its list cannot be read', cause);
  }
}
