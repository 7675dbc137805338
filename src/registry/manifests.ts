import { CacheError } from '../errors.ts';
import { type Digest, isDigest, matchesDigest, sha256Of } from '../image/digest.ts';
import type { Document } from '../image/document.ts';
import { MAX_MANIFEST_BYTES } from '../image/manifest.ts';
import { ACCEPTED_MANIFESTS } from '../image/mediaTypes.ts';
import type { ImageReference } from '../image/reference.ts';
import type { Endpoint } from './auth/endpoint.ts';
import type { Answer } from './exchange/answer.ts';
import { answerError } from './exchange/answerError.ts';
import { Fault } from './exchange/fault.ts';
import { FOLLOW_ALL, followRedirects } from './exchange/redirects.ts';
import { type RetryContext, withRetries } from './exchange/retry.ts';
import type { Transport } from './exchange/transport.ts';

/** What a tag or a digest stands for now. */
export interface ResolvedManifest {
  readonly digest: Digest;
  /** The manifest itself, where the registry's answer to HEAD said too little and it had to be fetched. */
  readonly document?: Document;
}

export interface ManifestSource {
  readonly endpoint: Endpoint;
  readonly transport: Transport;
  readonly context: RetryContext;
}

/** Of an answer that names none. https://www.rfc-editor.org/rfc/rfc9110#section-8.3 */
const UNKNOWN_TYPE = 'application/octet-stream';
/** Answers to HEAD that say nothing about the image, only that the registry wants to be asked another way. */
const HEAD_UNSUPPORTED: ReadonlySet<number> = new Set([400, 403, 405, 406, 415, 501]);

/**
 * Asks what a reference stands for, which no registry counts as a pull; only where HEAD does not tell is the
 * manifest fetched.
 * @throws {CacheError} as getManifest does
 */
export async function resolveManifest(
  source: ManifestSource,
  ref: ImageReference,
  signal: AbortSignal | undefined,
): Promise<ResolvedManifest> {
  const subject = source.endpoint.subject(ref);
  const what = `looking up ${subject.image}`;
  const digest = await withRetries(source.context, subject.registryUrl.host, what, signal, async () => {
    const answer = await askManifest(source, ref, undefined, 'HEAD', signal);
    if (HEAD_UNSUPPORTED.has(answer.status)) {
      answer.destroy();
      return undefined;
    }
    if (answer.status !== 200) throw await answerError(answer, subject.image);
    await answer.discard();
    return ref.digest ?? namedDigest(answer);
  });
  if (digest !== undefined) return { digest };
  const document = await getManifest(source, ref, undefined, signal);
  return { digest: document.digest, document };
}

/**
 * Fetches a manifest or an index; Docker Hub counts it.
 * @param digest wins over the reference's own
 * @throws {CacheError} image_not_found, registry_denied, digest_mismatch, unsupported_image (over 4 MiB), …
 */
export async function getManifest(
  source: ManifestSource,
  ref: ImageReference,
  digest: Digest | undefined,
  signal: AbortSignal | undefined,
): Promise<Document> {
  const subject = source.endpoint.subject(ref);
  const wanted = digest ?? ref.digest;
  const what = `reading the manifest of ${subject.image}`;
  let doubted: Digest | undefined;
  return withRetries(source.context, subject.registryUrl.host, what, signal, async () => {
    const answer = await askManifest(source, ref, wanted, 'GET', signal);
    if (answer.status !== 200) throw await answerError(answer, subject.image);
    const bytes = await answer.whole(MAX_MANIFEST_BYTES);
    if (bytes === undefined) {
      throw new CacheError(
        'unsupported_image',
        `${subject.image} cannot be cached: its manifest is larger than ${MAX_MANIFEST_BYTES} bytes.`,
      );
    }
    if (answer.length !== undefined && bytes.length !== answer.length)
      throw new Fault('the manifest was cut short');
    if (wanted !== undefined && !matchesDigest(bytes, wanted)) {
      throw new Fault(`the manifest is not what its digest ${wanted} names`, { code: 'digest_mismatch' });
    }
    if (bytes.length === 0) throw new Fault('the manifest is empty');
    const found = wanted ?? sha256Of(bytes);
    const doubt = wanted === undefined ? doubtsAbout(bytes, answer) : undefined;
    if (doubt !== undefined && doubted !== found) {
      // Damage is not the same twice. What is, is the registry's own mistake, and the bytes are what it has.
      doubted = found;
      throw new Fault(doubt, { code: 'digest_mismatch' });
    }
    return { digest: found, mediaType: answer.header('content-type') ?? UNKNOWN_TYPE, bytes };
  });
}

/**
 * What speaks against a tag's manifest, which no digest was asked for. Many registries name a wrong digest in
 * their header, and some name none.
 */
function doubtsAbout(bytes: Uint8Array, answer: Answer): string | undefined {
  const named = namedDigest(answer);
  if (named !== undefined) {
    return matchesDigest(bytes, named) ? undefined : `the manifest is not what its header ${named} names`;
  }
  try {
    JSON.parse(Buffer.from(bytes).toString('utf8'));
    return undefined;
  } catch {
    return 'the manifest is not JSON';
  }
}

async function askManifest(
  source: ManifestSource,
  ref: ImageReference,
  digest: Digest | undefined,
  method: 'GET' | 'HEAD',
  signal: AbortSignal | undefined,
): Promise<Answer> {
  const purpose = method === 'GET' ? 'document' : 'prompt';
  const ask = { method, purpose, headers: { accept: ACCEPTED_MANIFESTS }, signal } as const;
  const path = `manifests/${digest ?? ref.digest ?? ref.tag ?? 'latest'}`;
  const answer = await source.endpoint.ask(source.endpoint.subject(ref), path, ask);
  return followRedirects(source.transport, answer, ask, FOLLOW_ALL);
}

/** Undefined where the answer names no digest, as a few registries' do. */
function namedDigest(answer: Answer): Digest | undefined {
  const named = answer.header('docker-content-digest');
  return named !== undefined && isDigest(named) ? named : undefined;
}
