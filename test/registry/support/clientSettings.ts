import type { RegistryOptions } from '../../../src/registry/client.ts';
import { CredentialStore } from '../../../src/registry/auth/credentials.ts';
import { Egress } from '../../../src/registry/net/egress.ts';
import { parseHostPattern, parseInsecureHost } from '../../../src/registry/net/hostPattern.ts';

/** The settings as an operator writes them. */
export interface WrittenSettings {
  /** Entries of ALLOWED_REGISTRIES. */
  readonly allowed?: readonly string[];
  /** Entries of INSECURE_REGISTRIES. */
  readonly insecure?: readonly string[];
  /** The `auths` of DOCKER_AUTH_CONFIG. */
  readonly auths?: Readonly<Record<string, unknown>>;
}

export function clientSettings(written: WrittenSettings): Pick<RegistryOptions, 'egress' | 'credentials'> {
  const { allowed = [], insecure = [], auths = {} } = written;
  return {
    egress: new Egress(allowed.map(parseHostPattern), insecure.map(parseInsecureHost)),
    credentials: new CredentialStore(JSON.stringify({ auths })),
  };
}
