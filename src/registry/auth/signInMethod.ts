import type { Challenge } from './challenge.ts';
import { basicHeader, type Credential } from './credentials.ts';
import type { TokenRequest } from './tokens.ts';

export interface BearerMethod extends TokenRequest {
  readonly scheme: 'bearer';
}

/** How a registry wants to be spoken to, learned from its last challenge for a repository. */
export type SignInMethod = { readonly scheme: 'basic'; readonly header: string } | BearerMethod;

/**
 * The challenge to answer: the first Bearer, which also those offer who want Basic in the end; else Basic, where
 * there is a user.
 * @param registryUrl what a realm may be relative to
 * @param scope what is wanted, whatever a challenge names
 */
export function chooseMethod(
  challenges: readonly Challenge[],
  credential: Credential | undefined,
  registryUrl: URL,
  scope: string,
): SignInMethod | undefined {
  for (const { scheme, parameters } of challenges) {
    const realm = parameters.get('realm');
    if (scheme !== 'bearer' || realm === undefined || !URL.canParse(realm, registryUrl.href)) continue;
    const named = (parameters.get('scope') ?? '').split(' ').filter((scope) => scope !== '');
    return {
      scheme: 'bearer',
      realm: withoutUserinfo(new URL(realm, registryUrl)),
      service: parameters.get('service'),
      // Some registries leave the scope out, and some name only what the ping needs.
      scopes: [...new Set([...named, scope])],
    };
  }
  const header = credential === undefined ? undefined : basicHeader(credential);
  return header !== undefined && challenges.some(({ scheme }) => scheme === 'basic')
    ? { scheme: 'basic', header }
    : undefined;
}

/** https://distribution.github.io/distribution/spec/auth/scope/ */
export function pullScope(repository: string): string {
  return `repository:${repository}:pull`;
}

function withoutUserinfo(url: URL): URL {
  url.username = url.password = url.hash = '';
  return url;
}
