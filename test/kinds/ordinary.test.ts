import { runKind } from './support/kinds.ts';

const SPECIFICATION = 'https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pull';

runKind('ordinary images', [
  {
    input: 'a tag of an image of two layers',
    why: 'what everybody does',
    source: SPECIFICATION,
    serve: (registry, repository) => registry.add(repository, '1', { layers: ['one', 'two'] }),
    right: 'ready',
  },
  {
    input: 'an index of two platforms',
    why: 'what most public images are',
    source: SPECIFICATION,
    serve: async (registry, repository) => {
      const [amd64, arm64] = await Promise.all([
        registry.add(repository, undefined, { layers: ['amd64'] }),
        registry.add(repository, undefined, { layers: ['arm64'] }),
      ]);
      registry.index(`${repository}:1`, [
        { ...arm64.entry, platform: { os: 'linux', architecture: 'arm64' } },
        { ...amd64.entry, platform: { os: 'linux', architecture: 'amd64' } },
      ]);
    },
    right: 'ready',
  },
  {
    input: 'a tag that is not there',
    why: 'the caller hears of it at once',
    source: SPECIFICATION,
    serve: () => undefined,
    right: { code: 'image_not_found', detail: /Check the name/, retryable: false },
  },
]);
