import type { RegistryOptions } from '../../../src/registry/client.ts';
import { CredentialStore } from '../../../src/registry/auth/credentials.ts';
import { Egress } from '../../../src/registry/net/egress.ts';
import {
  parseHostGroup,
  parseHostPattern,
  parseInsecureHost,
} from '../../../src/registry/net/hostPattern.ts';

/** The settings as an operator writes them. */
export interface WrittenSettings {
  /** Entries of ALLOWED_REGISTRIES. */
  readonly allowed?: readonly string[];
  /** Entries of INSECURE_REGISTRIES. */
  readonly insecure?: readonly string[];
  /** They do not belong together, as those of a registry with its storage and token server do. */
  readonly apart?: boolean;
  /** The `auths` of DOCKER_AUTH_CONFIG. */
  readonly auths?: Readonly<Record<string, unknown>>;
}

export function clientSettings(written: WrittenSettings): Pick<RegistryOptions, 'egress' | 'credentials'> {
  const { allowed = [], insecure = [], apart = false, auths = {} } = written;
  const groups = apart || insecure.length === 0 ? insecure : [insecure.join('+')];
  return {
    egress: new Egress(
      allowed.map((entry) => parseHostGroup(entry, parseHostPattern)),
      groups.map((entry) => parseHostGroup(entry, parseInsecureHost)),
    ),
    credentials: new CredentialStore(JSON.stringify({ auths })),
  };
}
