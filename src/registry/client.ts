import { buffer } from 'node:stream/consumers';
import { CacheError } from '../errors.ts';
import { type Digest, matchesDigest, sha256Of } from '../image/digest.ts';
import type { Document } from '../image/document.ts';
import { type Descriptor, MAX_CONFIG_BYTES } from '../image/manifest.ts';
import { canonicalReference, type ImageReference, type RepositoryName } from '../image/reference.ts';
import { defaultEntraCredential, type EntraCredential, isAcrHost } from './auth/acr.ts';
import { Authentication } from './auth/authentication.ts';
import { SharedBackoff } from './traffic/backoff.ts';
import { type BlobReader, memoryReader, ResumingReader } from './blob/blobReader.ts';
import { BlobSource } from './blob/blobSource.ts';
import { BlobTargets } from './blob/blobTargets.ts';
import type { CredentialStore } from './auth/credentials.ts';
import type { Lookup } from './net/connector.ts';
import type { Egress } from './net/egress.ts';
import { Endpoint } from './auth/endpoint.ts';
import type { RegistryEvent } from './exchange/events.ts';
import { Fault } from './traffic/fault.ts';
import { GuestAccess } from './auth/guestAccess.ts';
import {
  getManifest,
  getTaggedManifest,
  type ManifestSource,
  type ResolvedManifest,
  resolveManifest,
} from './manifests.ts';
import { listRepositories, listTags } from './listing/acrListing.ts';
import { Refusals } from './refusals.ts';
import { KnownSecrets } from './exchange/quotable.ts';
import { type RetryContext, withRetries } from './exchange/retry.ts';
import { DEFAULT_TIMING, type Timing } from './traffic/timing.ts';
import { Transport } from './exchange/transport.ts';

export interface RegistryOptions {
  readonly egress: Egress;
  readonly credentials: CredentialStore;
  /** Client id of the user-assigned identity for Azure Container Registry. */
  readonly acrIdentityClientId?: string;
  /** What happens, for a log: structured, no secrets. */
  readonly log?: (event: RegistryEvent) => void;
  /** Tests shorten stalls and back-off. */
  readonly timing?: Partial<Timing>;
  /** In place of the system's name service. Its answers go through the egress rules all the same. */
  readonly lookup?: Lookup;
  /** In place of this app's own identity. */
  readonly entraCredential?: EntraCredential;
  /** Registries that are Azure Container Registries under another name: a custom domain, a test's front. */
  readonly acrHosts?: readonly string[];
}

/** Pulls from any registry that speaks https://github.com/opencontainers/distribution-spec. */
export class RegistryClient {
  readonly #transport: Transport;
  readonly #endpoint: Endpoint;
  readonly #context: RetryContext;
  readonly #targets = new BlobTargets();
  readonly #refusals = new Refusals();

  constructor(options: RegistryOptions) {
    const { egress, credentials } = options;
    const timing = { ...DEFAULT_TIMING, ...options.timing };
    const log = options.log ?? ((): void => undefined);
    const backoff = new SharedBackoff(timing);
    this.#context = { timing, backoff, log };
    const secrets = new KnownSecrets(credentials.secrets());
    this.#transport = new Transport({ egress, backoff, timing, log, secrets, lookup: options.lookup });
    const guests = new GuestAccess(this.#transport, this.#context);
    const acrHosts = new Set(options.acrHosts ?? []);
    const authentication = new Authentication({
      transport: this.#transport,
      context: this.#context,
      credentials,
      isAcr: (registry) => isAcrHost(registry) || acrHosts.has(registry),
      entraCredential: async (registry) =>
        options.entraCredential ?? (await defaultEntraCredential(registry, options.acrIdentityClientId)),
    });
    this.#endpoint = new Endpoint({ transport: this.#transport, authentication, guests, egress, log });
  }

  /**
   * What the reading of a document failed with: its author may have written what was sent to the registry into it,
   * and messages quote media types, platforms and names.
   */
  withoutSecrets(error: unknown): unknown {
    if (!(error instanceof CacheError)) return error;
    const { code, retryable, retryAfterSeconds } = error;
    const message = this.#transport.secrets.withoutKnown(error.message);
    if (message === error.message) return error;
    // Without its cause, which says the same.
    return new CacheError(code, message, {
      retryable,
      ...(retryAfterSeconds !== undefined && { retryAfterSeconds }),
    });
  }

  /**
   * The digest a tag stands for now, by HEAD, which is no counted pull at Docker Hub; by GET where HEAD does not
   * tell, and for a digest: then with the manifest, which need not be fetched again.
   * @throws {CacheError}
   */
  resolveManifest(ref: ImageReference, signal?: AbortSignal): Promise<ResolvedManifest> {
    return orTimeout(ref, signal, resolveManifest(this.#manifests(), ref, signal));
  }

  /**
   * One counted pull. The bytes are verified against `digest`, which wins over the reference's own; at most
   * 4 MiB.
   * @throws {CacheError}
   */
  getManifest(ref: ImageReference, digest?: Digest, signal?: AbortSignal): Promise<Document> {
    return orTimeout(ref, signal, getManifest(this.#manifests(), ref, digest, signal));
  }

  /**
   * The manifest of a tag whose digest resolveManifest() found; by the tag, where that digest cannot be had. Then it
   * may have another digest, which is the tag's.
   * @throws {CacheError}
   */
  getTaggedManifest(ref: ImageReference, signal?: AbortSignal): Promise<Document> {
    return orTimeout(ref, signal, getTaggedManifest(this.#manifests(), ref, signal));
  }

  /**
   * A small blob whole, such as a config, verified by digest and size. Needs no request where the descriptor
   * carries it.
   * @throws {CacheError} unsupported_image where it is larger than 4 MiB
   */
  async getBlob(ref: ImageReference, descriptor: Descriptor, signal?: AbortSignal): Promise<Uint8Array> {
    const inline = inlineData(descriptor);
    if (inline !== undefined) return inline;
    const image = canonicalReference(ref);
    const { digest, size } = descriptor;
    if (size > MAX_CONFIG_BYTES) {
      throw new CacheError(
        'unsupported_image',
        `${image} cannot be cached: its config is larger than ${MAX_CONFIG_BYTES} bytes.`,
      );
    }
    const host = this.#endpoint.subject(ref).registryUrl.host;
    return withRetries(this.#context, host, `reading the config of ${image}`, signal, async () => {
      const document = this.#transport.largeDocuments.open();
      let bytes: Buffer;
      try {
        await document.grows(size);
        const reader = await this.#open(ref, descriptor, { start: 0, end: size }, false, signal);
        bytes = await buffer(reader.read(0, size)).finally(() => reader.close());
      } finally {
        document.close();
      }
      if (matchesDigest(bytes, digest)) return bytes;
      throw new Fault(`the blob is not what its digest ${digest} names`, {
        code: 'digest_mismatch',
        evidence: sha256Of(bytes),
      });
    });
  }

  /**
   * Opens a layer for reading [start, end) and makes the first request. The bytes are not verified against
   * the digest: that spans more than one reader.
   * @throws {CacheError}
   */
  openBlob(
    ref: ImageReference,
    descriptor: Descriptor,
    range: { start: number; end: number },
    signal?: AbortSignal,
  ): Promise<BlobReader> {
    return this.#open(ref, descriptor, range, true, signal);
  }

  /**
   * The repositories of an Azure Container Registry, in its order.
   * @throws {CacheError} image_not_found where the registry is none
   */
  listRepositories(registry: string): AsyncGenerator<string, void, void> {
    return listRepositories({ endpoint: this.#endpoint, context: this.#context }, registry);
  }

  /**
   * The tags of a repository of an Azure Container Registry, the one that was updated last first.
   * @throws {CacheError} image_not_found where the registry has no such repository, or is none
   */
  listTags(name: RepositoryName): AsyncGenerator<string, void, void> {
    return listTags({ endpoint: this.#endpoint, context: this.#context }, name);
  }

  /** Breaks off what is under way. */
  async close(): Promise<void> {
    await this.#transport.close();
  }

  async #open(
    ref: ImageReference,
    descriptor: Descriptor,
    range: { start: number; end: number },
    ranged: boolean,
    signal: AbortSignal | undefined,
  ): Promise<BlobReader> {
    const inline = inlineData(descriptor);
    if (inline !== undefined) return memoryReader(inline);
    const subject = this.#endpoint.subject(ref);
    if (range.end <= range.start) return memoryReader(new Uint8Array(0));
    const { digest, size } = descriptor;
    const source = new BlobSource({
      endpoint: this.#endpoint,
      targets: this.#targets,
      subject,
      descriptor,
    });
    return ResumingReader.open({
      source,
      context: this.#context,
      what: `reading ${digest} of ${subject.image}`,
      digest,
      size,
      range,
      ranged,
      signal,
    });
  }

  #manifests(): ManifestSource {
    return { endpoint: this.#endpoint, context: this.#context, refusals: this.#refusals };
  }
}

/** AbortSignal.timeout is a caller's way to say that a registry is too slow: an error like the others. */
async function orTimeout<T>(
  ref: ImageReference,
  signal: AbortSignal | undefined,
  work: Promise<T>,
): Promise<T> {
  try {
    return await work;
  } catch (error) {
    // A wait between two tries ends with an AbortError of its own, so the signal is what tells.
    const reason: unknown = signal?.reason;
    if (error instanceof CacheError || !(reason instanceof DOMException) || reason.name !== 'TimeoutError')
      throw error;
    throw new CacheError(
      'registry_unavailable',
      `${ref.registry} did not answer in time for ${canonicalReference(ref)}. Try again later.`,
      { cause: error },
    );
  }
}

/** https://github.com/opencontainers/image-spec/blob/main/descriptor.md: `data` must be what the digest names. */
function inlineData(descriptor: Descriptor): Uint8Array | undefined {
  const { data, digest, size } = descriptor;
  return data?.length === size && matchesDigest(data, digest) ? data : undefined;
}
