import { CacheError } from '../errors.ts';
import { type Digest, isDigest, matchesDigest, sha256Of } from '../image/digest.ts';
import type { Document } from '../image/document.ts';
import { readObject } from '../image/goJson.ts';
import {
  checkContentType,
  type ImageIndex,
  type ImageManifest,
  MAX_MANIFEST_BYTES,
  parseManifest,
} from '../image/manifest.ts';
import { ACCEPTED_MANIFESTS } from '../image/mediaTypes.ts';
import type { ImageReference } from '../image/reference.ts';
import { isSchema1 } from '../image/schema1.ts';
import type { Endpoint } from './auth/endpoint.ts';
import type { Answer } from './exchange/answer.ts';
import { answerError } from './exchange/answerError.ts';
import { Fault, webPage } from './traffic/fault.ts';
import { type RetryContext, transientReason, withRetries } from './exchange/retry.ts';
import type { Refusals } from './refusals.ts';

/** What a tag or a digest stands for now. */
export interface ResolvedManifest {
  readonly digest: Digest;
  /** The manifest itself, where the registry's answer to HEAD said too little and it had to be fetched. */
  readonly document?: Document;
}

export interface ManifestSource {
  readonly endpoint: Endpoint;
  readonly context: RetryContext;
  readonly refusals: Refusals;
}

/** Of an answer that names none. https://www.rfc-editor.org/rfc/rfc9110#section-8.3 */
const UNKNOWN_TYPE = 'application/octet-stream';
/** Answers that hold a document: whole, passed on by a proxy that changes things, or a part that is the whole. */
const WITH_CONTENT: ReadonlySet<number> = new Set([200, 203, 206]);
/** What a digest that a tag's HEAD named is refused with where only the header knows of it. */
const DIGEST_IS_NOT_THERE: ReadonlySet<string> = new Set([
  'image_not_found',
  'registry_denied',
  'digest_mismatch',
]);

/**
 * Asks what a reference stands for. A tag costs a HEAD, which no registry counts as a pull; whatever it says but the
 * digest of something that can be had, one GET has the last word. A digest costs one GET.
 * @throws {CacheError} as getManifest does
 */
export async function resolveManifest(
  source: ManifestSource,
  ref: ImageReference,
  signal: AbortSignal | undefined,
): Promise<ResolvedManifest> {
  const digest = ref.digest === undefined ? await headDigest(source, ref, signal) : undefined;
  if (digest !== undefined) return { digest };
  const document = await getManifest(source, ref, undefined, signal);
  return { digest: document.digest, document };
}

/**
 * The digest that HEAD of a tag names; undefined where GET has to say. Many registries serve HEAD in another way
 * than GET, and a refusal gives its reasons only there.
 */
async function headDigest(
  source: ManifestSource,
  ref: ImageReference,
  signal: AbortSignal | undefined,
): Promise<Digest | undefined> {
  const subject = source.endpoint.subject(ref);
  const what = `looking up ${subject.image}`;
  return withRetries(source.context, subject.registryUrl.host, what, signal, async () => {
    const answer = await askManifest(source, ref, undefined, 'HEAD', signal);
    if (transientReason(answer.status) !== undefined) throw await answerError(answer, subject);
    await answer.discard();
    const digest = namedDigest(answer);
    source.refusals.check(ref, digest);
    const isManifest = !answer.isWebPage && !isSchema1(answer.header('content-type'));
    return answer.status === 200 && isManifest ? digest : undefined;
  });
}

/**
 * Fetches a manifest or an index that can be understood; Docker Hub counts it.
 * @param digest wins over the reference's own
 * @throws {CacheError} image_not_found, registry_denied, digest_mismatch, unsupported_image (over 4 MiB), …
 */
export async function getManifest(
  source: ManifestSource,
  ref: ImageReference,
  digest: Digest | undefined,
  signal: AbortSignal | undefined,
): Promise<Document> {
  const { endpoint, context, refusals } = source;
  const subject = endpoint.subject(ref);
  const wanted = digest ?? ref.digest;
  refusals.check(ref, wanted);
  const what = `reading the manifest of ${subject.image}`;
  const named = new Set([wanted]);
  let doubted: Digest | undefined;
  try {
    return await withRetries(context, subject.registryUrl.host, what, signal, async () => {
      const answer = await askManifest(source, ref, wanted, 'GET', signal);
      if (!WITH_CONTENT.has(answer.status)) throw await answerError(answer, subject);
      const expected = wanted ?? namedDigest(answer);
      named.add(namedDigest(answer));
      const bytes = await readManifest(answer, expected, subject.image);
      const contentType = answer.header('content-type');
      const found = wanted ?? sha256Of(bytes);
      named.add(found);
      if (expected !== undefined && !matchesDigest(bytes, expected)) {
        // The digest of a signed schema 1 is of what was signed: it never matches, and is not what is wrong with it.
        if (isSchema1(contentType, bytes)) understand(bytes, contentType);
        if (answer.isWebPage) throw webPage(answer, 'a manifest');
        // A tag's bytes are what the registry has, whatever its header says, once they are the same twice.
        if (wanted !== undefined || doubted !== found) throw mismatch(bytes, expected, answer);
      } else if (expected === undefined && doubted !== found && !isJson(bytes)) {
        if (answer.isWebPage) throw webPage(answer, 'a manifest');
        doubted = found;
        throw new Fault('the manifest is not JSON', { code: 'digest_mismatch' });
      }
      understand(bytes, contentType);
      return { digest: found, mediaType: contentType ?? UNKNOWN_TYPE, bytes };
    });
  } catch (error) {
    if (error instanceof CacheError && error.code === 'digest_mismatch' && !error.retryable)
      refusals.add(ref, named, error);
    throw error;
  }

  /** What the bytes are refused for is remembered; a wrong Content-Type may be mended while they stay. */
  function understand(bytes: Uint8Array, contentType: string | undefined): void {
    let parsed: ImageIndex | ImageManifest;
    try {
      parsed = parseManifest(bytes, undefined, subject.image);
    } catch (error) {
      if (error instanceof CacheError) refusals.add(ref, named, error);
      throw error;
    }
    checkContentType(parsed, contentType, subject.image);
  }

  function mismatch(bytes: Uint8Array, expected: Digest, answer: Answer): Fault {
    doubted = sha256Of(bytes);
    const what = wanted === undefined ? 'header' : 'digest';
    return new Fault(`the manifest is not what its ${what} ${expected} names`, {
      code: 'digest_mismatch',
      evidence: wanted === undefined ? undefined : doubted,
      host: answer.url.host,
    });
  }
}

/**
 * The manifest of a tag, whose digest the registry has named: by that digest, or by the tag where only the header
 * knows of it. What the tag then gives is the image.
 * @param ref with the tag, and the digest that HEAD named
 * @throws {CacheError} as getManifest does
 */
export async function getTaggedManifest(
  source: ManifestSource,
  ref: ImageReference,
  signal: AbortSignal | undefined,
): Promise<Document> {
  try {
    return await getManifest(source, ref, undefined, signal);
  } catch (error) {
    if (!(error instanceof CacheError) || !DIGEST_IS_NOT_THERE.has(error.code) || ref.tag === undefined)
      throw error;
    const { registry, repository, tag } = ref;
    return getManifest(source, { registry, repository, tag }, undefined, signal);
  }
}

async function readManifest(
  answer: Answer,
  expected: Digest | undefined,
  image: string,
): Promise<Uint8Array> {
  const bytes = await answer.document(MAX_MANIFEST_BYTES, (raw) =>
    expected === undefined ? isJson(raw) : matchesDigest(raw, expected),
  );
  if (bytes === undefined) {
    throw new CacheError(
      'unsupported_image',
      `${image} cannot be cached: its manifest is larger than ${MAX_MANIFEST_BYTES} bytes.`,
    );
  }
  if (bytes.length === 0) throw new Fault('the manifest is empty', { evidence: 'empty' });
  return bytes;
}

/** What is not has been damaged on its way; what is may be refused for other reasons. */
function isJson(bytes: Uint8Array): boolean {
  try {
    readObject(bytes, 'the manifest');
    return true;
  } catch (error) {
    return !(error instanceof CacheError && error.cause instanceof SyntaxError);
  }
}

async function askManifest(
  { endpoint }: ManifestSource,
  ref: ImageReference,
  digest: Digest | undefined,
  method: 'GET' | 'HEAD',
  signal: AbortSignal | undefined,
): Promise<Answer> {
  const subject = endpoint.subject(ref);
  const purpose = method === 'GET' ? 'document' : 'prompt';
  const ask = { method, purpose, headers: { accept: ACCEPTED_MANIFESTS }, signal } as const;
  const path = `manifests/${digest ?? ref.digest ?? ref.tag ?? 'latest'}`;
  return endpoint.follow(subject, await endpoint.ask(subject, path, ask), ask);
}

/** Undefined where the answer names no digest, as a few registries' do. */
function namedDigest(answer: Answer): Digest | undefined {
  const named = answer.header('docker-content-digest');
  return named !== undefined && isDigest(named) ? named : undefined;
}
