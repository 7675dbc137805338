import { CacheError } from '../../errors.ts';
import { printableHost } from '../net/egressRules.ts';
import { Fault } from '../traffic/fault.ts';
import type { KnownSecrets } from './quotable.ts';

/** Faults of a network, by the code that Node and undici give them, in words. */
const TRANSIENT: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'the connection was refused',
  ECONNRESET: 'the connection was reset',
  ECONNABORTED: 'the connection was reset',
  EPIPE: 'the connection was closed',
  ETIMEDOUT: 'the connection timed out',
  EHOSTUNREACH: 'no route leads to the host',
  ENETUNREACH: 'no route leads to its network',
  ENETDOWN: 'the network is down',
  EAI_AGAIN: 'the name server did not answer',
  ENODATA: 'the name has no address',
  UND_ERR_CONNECT_TIMEOUT: 'the connection timed out',
  UND_ERR_BODY_TIMEOUT: 'it stopped sending',
  UND_ERR_SOCKET: 'the connection was closed',
  UND_ERR_ABORTED: 'the connection was closed',
  UND_ERR_REQ_CONTENT_LENGTH_MISMATCH: 'the connection was closed early',
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: 'its Content-Length does not fit its answer',
};

/** Of these, the ones where nobody is there, or nobody can get there: the host as a whole, not this connection. */
const DOWN: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENETDOWN',
  'EAI_AGAIN',
  'ENODATA',
  'UND_ERR_CONNECT_TIMEOUT',
]);

/** Trying again does not help: somebody has to change a name, a certificate or a setting. */
function lasting(code: string, message: string, isRegistry: boolean): string | undefined {
  if (code === 'ENOTFOUND') return 'no such host. Check the name.';
  if (code === 'UND_ERR_HEADERS_OVERFLOW') return 'its answer has headers that are too large.';
  if (code === 'ERR_SSL_WRONG_VERSION_NUMBER' || code === 'ERR_SSL_PACKET_LENGTH_TOO_LONG') {
    const advice = ' An operator can name it in INSECURE_REGISTRIES if it serves plain http.';
    return `it does not speak TLS.${isRegistry ? advice : ''}`;
  }
  const certificate =
    /^(CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_|ERR_TLS_CERT|HOSTNAME_MISMATCH|INVALID_CA|INVALID_PURPOSE|PATH_LENGTH)/;
  if (certificate.test(code)) {
    return `its TLS certificate was not accepted (${code}: ${message.slice(0, 200)}). For a private certificate authority, set NODE_EXTRA_CA_CERTS to its file.`;
  }
  return undefined;
}

/**
 * What a failed request or a broken body means. A CacheError, which the egress rules throw, stays itself.
 * @param subject for what it was, where that is known, and what no certificate may repeat
 */
export function connectionError(
  error: unknown,
  url: URL,
  subject?: { readonly registryUrl: URL; readonly image: string; readonly secrets: KnownSecrets },
): Fault | CacheError {
  const found = findCacheError(error);
  if (found !== undefined) return found;
  if (error instanceof Fault) return error;
  const code = codeOf(error);
  const said = error instanceof Error ? error.message : '';
  const message = subject?.secrets.withoutKnown(said) ?? said;
  const reason = lasting(code, message, subject === undefined || url.host === subject.registryUrl.host);
  if (reason !== undefined) {
    const what = subject === undefined ? '' : ` for ${subject.image}`;
    return new CacheError(
      'registry_unavailable',
      `${printableHost(url)} could not be used${what}: ${reason}`,
      {
        cause: error,
        retryable: false,
      },
    );
  }
  const known = TRANSIENT[code];
  const { host } = url;
  if (isUnreadable(error)) {
    const why = /\((.{1,100})\)$/s.exec(message)?.[1] ?? code;
    const reason = known ?? `its answer is not HTTP that can be read (${why})`;
    return new Fault(reason, { host, evidence: reason, cause: error });
  }
  if (known !== undefined)
    return new Fault(known, { host, ...(DOWN.has(code) && { outage: 'host' }), cause: error });
  return new Fault(`the connection failed (${code === '' ? message.slice(0, 100) : code})`, {
    host,
    cause: error,
  });
}

/** Whether the parser did not take an answer, where no network has been at work. */
export function isUnreadable(error: unknown): boolean {
  return (
    codeOf(error) === 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH' ||
    (error instanceof Error && error.name === 'HTTPParserError')
  );
}

/** Node gathers what each address of a host failed with into an AggregateError. */
function findCacheError(error: unknown): CacheError | undefined {
  if (error instanceof CacheError) return error;
  if (error instanceof AggregateError) {
    for (const one of error.errors) {
      const found = findCacheError(one);
      if (found !== undefined) return found;
    }
  }
  return error instanceof Error && error.cause !== undefined && error.cause !== error
    ? findCacheError(error.cause)
    : undefined;
}

function codeOf(error: unknown): string {
  if (typeof error !== 'object' || error === null) return '';
  if ('code' in error && typeof error.code === 'string') return error.code;
  if (error instanceof AggregateError) return codeOf(error.errors[0]);
  return '';
}
