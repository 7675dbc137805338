import { type Dispatcher, request } from 'undici';

/** As many as ACR gives in one answer. */
const MOST = 100;
const BEFORE_ALL = new Date('2020-01-01T00:00:00Z');

export interface ListAnswer {
  readonly status: number;
  readonly headers: Record<string, string>;
  readonly body: unknown;
}

export interface AcrLists {
  /** By which its token server knows the right to a list. */
  readonly scopeOf: (url: URL) => string;
  /** @param host the front's own */
  readonly answer: (url: URL, host: string) => Promise<ListAnswer>;
  readonly touch: (repository: string, tag: string, updated: Date) => void;
}

/**
 * ACR's own lists, `/acr/v1/_catalog` and `/acr/v1/<repository>/_tags`, of a registry that keeps no times: those are
 * told here. https://learn.microsoft.com/rest/api/containerregistry/
 */
export function acrLists(upstream: string): AcrLists {
  const updated = new Map<string, Date>();

  const upstreamNames = async (path: string, member: string): Promise<string[] | undefined> => {
    const names: string[] = [];
    let next: string | undefined = path;
    while (next !== undefined) {
      const { statusCode, headers, body }: Dispatcher.ResponseData = await request(upstream + next);
      const answered = (await body.json()) as Record<string, string[] | null>;
      if (statusCode !== 200) return undefined;
      names.push(...(answered[member] ?? []));
      next = /^<([^>]+)>/.exec(String(headers.link ?? ''))?.[1];
    }
    return names;
  };
  const digestOf = async (repository: string, tag: string): Promise<string> => {
    const accept = 'application/vnd.oci.image.manifest.v1+json';
    const answer = await request(`${upstream}/v2/${repository}/manifests/${tag}`, {
      method: 'HEAD',
      headers: { accept },
    });
    return String(answer.headers['docker-content-digest']);
  };
  /** What comes after `last`, and where the next page is. */
  const page = (url: URL, names: readonly string[]): { some: string[]; headers: Record<string, string> } => {
    const count = Math.min(Number(url.searchParams.get('n') ?? MOST), MOST);
    const last = url.searchParams.get('last');
    const start = last === null ? 0 : names.indexOf(last) + 1;
    const some = names.slice(start, start + count);
    const headers: Record<string, string> = { 'content-type': 'application/json; charset=utf-8' };
    if (start + count < names.length) {
      const query = new URLSearchParams({ last: some.at(-1) ?? '', n: `${count}` });
      const orderby = url.searchParams.get('orderby');
      if (orderby !== null) query.set('orderby', orderby);
      headers.link = `<${url.pathname}?${query.toString()}>; rel="next"`;
    }
    return { some, headers };
  };
  const unknown: ListAnswer = {
    status: 404,
    headers: { 'content-type': 'application/json; charset=utf-8' },
    body: {
      errors: [{ code: 'NAME_UNKNOWN', message: 'repository name not known to registry', detail: {} }],
    },
  };

  const catalogue = async (url: URL): Promise<ListAnswer> => {
    const names = (await upstreamNames('/v2/_catalog', 'repositories')) ?? [];
    const { some, headers } = page(url, names.sort());
    return { status: 200, headers, body: { repositories: some } };
  };
  const tags = async (url: URL, repository: string, registry: string): Promise<ListAnswer> => {
    const names = await upstreamNames(`/v2/${repository}/tags/list`, 'tags');
    if (names === undefined || names.length === 0) return unknown;
    const timeOf = (tag: string): Date => updated.get(`${repository}:${tag}`) ?? BEFORE_ALL;
    const byTime = (one: string, other: string): number =>
      timeOf(other).getTime() - timeOf(one).getTime() || (one < other ? -1 : 1);
    names.sort(url.searchParams.get('orderby') === 'timedesc' ? byTime : undefined);
    const { some, headers } = page(url, names);
    const attributes = await Promise.all(
      some.map(async (name) => ({
        name,
        digest: await digestOf(repository, name),
        createdTime: BEFORE_ALL.toISOString(),
        lastUpdateTime: timeOf(name).toISOString(),
        signed: false,
        changeableAttributes: {
          deleteEnabled: true,
          writeEnabled: true,
          readEnabled: true,
          listEnabled: true,
        },
      })),
    );
    return { status: 200, headers, body: { registry, imageName: repository, tags: attributes } };
  };
  const repositoryOf = ({ pathname }: URL): string | undefined => {
    const encoded = /^\/acr\/v1\/(.+)\/_tags$/.exec(pathname)?.[1];
    return encoded === undefined ? undefined : decodeURIComponent(encoded);
  };

  return {
    scopeOf: (url) => {
      const repository = repositoryOf(url);
      return repository === undefined ? 'registry:catalog:*' : `repository:${repository}:metadata_read`;
    },
    answer: async (url, host) => {
      const repository = repositoryOf(url);
      if (repository !== undefined) return tags(url, repository, host);
      return url.pathname === '/acr/v1/_catalog' ? catalogue(url) : unknown;
    },
    touch: (repository, tag, time) => updated.set(`${repository}:${tag}`, time),
  };
}
