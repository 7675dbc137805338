import { type Digest, isDigest, matchesDigest, sha256Of } from '../image/digest.ts';
import { type ImageConfig, parseImageConfig } from '../image/imageConfig.ts';
import { isObject, type JsonObject } from '../image/json.ts';
import { type ImageManifest, MAX_CONFIG_BYTES, MAX_LAYERS, parseManifest } from '../image/manifest.ts';
import { compressionsOf } from '../image/mediaTypes.ts';
import type { Platform } from '../image/platform.ts';
import { blobPath, INDEX_ANNOTATION } from './indexFiles.ts';
import { NotAnArchive } from './tarEntries.ts';

/** What a tar holds, whoever wrote it. */
export interface ArchiveContents {
  /** Whether there is something of this path: a file, or a link to one. */
  has(path: string): boolean;
  /** A file's bytes; undefined where there is none, or it is larger than any document. */
  read(path: string): Promise<Uint8Array | undefined>;
}

/** An image in an archive of Docker, podman or skopeo, as its documents describe it. Layers are not proven. */
export interface SavedImage {
  /** `docker`: every `docker load` takes it as it is. `oci`: an OCI image layout and nothing else. */
  readonly format: 'docker' | 'oci';
  /** Its names as they stand there: references, or tags alone. */
  readonly names: readonly string[];
  /** Docker's older archives have no manifest. */
  readonly manifest: Digest | undefined;
  /** The index that led to the manifest, where that is there as well. */
  readonly index: Digest | undefined;
  readonly config: Digest;
  /** Where it lies in the archive. */
  readonly configPath: string;
  /** What the config says. */
  readonly platform: Platform | undefined;
  readonly diffIds: readonly Digest[];
  /** Where the layers lie in the archive, bottom first. */
  readonly layerPaths: readonly string[];
  /** Each way once: `gzip`, `gzip+zstd`. Undefined where no manifest says. */
  readonly compression: string | undefined;
}

/** Indexes in indexes. */
const MAX_DEPTH = 4;
/** Descriptors in one archive. */
const MAX_DESCRIPTORS = 1000;

/**
 * The images of an archive: `docker save`'s of all versions since 1.10, podman's, skopeo's docker-archive and
 * oci-archive, any OCI image layout.
 * @throws {NotAnArchive} where there is none, or something of one is missing
 */
export async function savedImages(contents: ArchiveContents): Promise<SavedImage[]> {
  const inIndex = await indexedImages(contents);
  const list = parseJson(await contents.read('manifest.json'));
  if (list === undefined) {
    if (inIndex.length > 0) return inIndex;
    throw new NotAnArchive(
      contents.has('repositories')
        ? 'It has no manifest.json: a Docker older than 1.10 wrote it.'
        : 'It holds no image: it has neither a manifest.json nor an index.json that leads to one.',
    );
  }
  if (!Array.isArray(list) || list.length === 0) throw new NotAnArchive('Its manifest.json lists no image.');
  const images: SavedImage[] = [];
  for (const item of list as unknown[]) {
    const image = await dockerImage(contents, item);
    const known = inIndex.find(({ config }) => config === image.config);
    const { manifest, index, compression } = known ?? image;
    const names = [...new Set([...image.names, ...(known?.names ?? [])])];
    images.push({ ...image, names, manifest, index, compression });
  }
  return images;
}

/** https://github.com/moby/docker-image-spec/blob/main/spec.md#combined-image-json--filesystem-changeset-format */
async function dockerImage(contents: ArchiveContents, item: unknown): Promise<SavedImage> {
  const { Config, RepoTags, Layers } = isObject(item) ? item : ({} as JsonObject);
  if (typeof Config !== 'string') throw new NotAnArchive('Its manifest.json names no config.');
  const layerPaths = Array.isArray(Layers) ? Layers.filter((layer) => typeof layer === 'string') : [];
  if (layerPaths.length > MAX_LAYERS) throw new NotAnArchive(`It has more than ${MAX_LAYERS} layers.`);
  const bytes = await contents.read(Config);
  if (bytes === undefined) throw new NotAnArchive(`Its config ${Config} is missing.`);
  const config = sha256Of(bytes);
  // All who write such archives name the config after its digest.
  const named = /(?:^|\/)([0-9a-f]{64})(?:\.json)?$/.exec(Config)?.[1];
  if (named !== undefined && config !== `sha256:${named}`)
    throw new NotAnArchive(`Its config ${Config} is not what its name says.`);
  for (const path of layerPaths)
    if (!contents.has(path)) throw new NotAnArchive(`Its layer ${path} is missing.`);
  const parsed = configOf(bytes, layerPaths.length);
  return {
    format: 'docker',
    names: Array.isArray(RepoTags) ? RepoTags.filter((tag) => typeof tag === 'string') : [],
    manifest: undefined,
    index: undefined,
    config,
    configPath: Config,
    ...parsed,
    layerPaths,
    compression: undefined,
  };
}

/** What index.json leads to, each image once; what it leads to elsewhere is passed over. */
async function indexedImages(contents: ArchiveContents): Promise<SavedImage[]> {
  const images = new Map<Digest, SavedImage>();
  const top = parseJson(await contents.read('index.json'));
  let left = MAX_DESCRIPTORS;
  const follow = async (
    index: unknown,
    digest: Digest | undefined,
    names: readonly string[],
    depth: number,
  ) => {
    const entries = isObject(index) && Array.isArray(index.manifests) ? (index.manifests as unknown[]) : [];
    for (const entry of entries) {
      if (!isObject(entry) || typeof entry.digest !== 'string' || !isDigest(entry.digest)) continue;
      if ((left -= 1) < 0) throw new NotAnArchive(`Its indexes list more than ${MAX_DESCRIPTORS} images.`);
      const own = [...names, ...namesOf(entry)];
      const bytes = await contents.read(blobPath(entry.digest));
      if (bytes === undefined || isAttestation(entry)) continue;
      if (!matchesDigest(bytes, entry.digest))
        throw new NotAnArchive(`Its ${blobPath(entry.digest)} is not what its name says.`);
      const document = understood(() => parseManifest(bytes, undefined, 'the archive'));
      if (document.kind === 'index') {
        if (depth > 0) await follow(parseJson(bytes), entry.digest, own, depth - 1);
        continue;
      }
      const known = images.get(entry.digest);
      const image = known ?? (await ociImage(contents, entry.digest, document));
      images.set(entry.digest, {
        ...image,
        index: image.index ?? digest ?? (await annotatedIndex(contents, entry, entry.digest)),
        names: [...new Set([...image.names, ...own])],
      });
    }
  };
  await follow(top, undefined, [], MAX_DEPTH);
  return [...images.values()];
}

async function ociImage(
  contents: ArchiveContents,
  manifest: Digest,
  parsed: ImageManifest,
): Promise<SavedImage> {
  const config = parsed.config.digest;
  const bytes = await contents.read(blobPath(config));
  if (bytes === undefined) throw new NotAnArchive(`Its config ${config} is missing.`);
  if (!matchesDigest(bytes, config))
    throw new NotAnArchive(`Its config ${config} is not what its name says.`);
  const layerPaths = parsed.layers.map(({ digest }) => blobPath(digest));
  for (const path of layerPaths)
    if (!contents.has(path)) throw new NotAnArchive(`Its layer ${path} is missing.`);
  return {
    format: 'oci',
    names: [],
    manifest,
    index: undefined,
    config,
    configPath: blobPath(config),
    ...configOf(bytes, layerPaths.length),
    layerPaths,
    compression: compressionsOf(parsed.layers),
  };
}

function configOf(bytes: Uint8Array, layers: number): ImageConfig {
  if (bytes.length > MAX_CONFIG_BYTES) throw new NotAnArchive('Its config is absurdly large.');
  return understood(() =>
    parseImageConfig(bytes, { config: { mediaType: '' }, layers: { length: layers } }, 'It'),
  );
}

/** What a registry's documents would be refused for, an archive's are as well. */
function understood<T>(parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    throw new NotAnArchive(error instanceof Error ? error.message : String(error));
  }
}

/** The index that is named beside a manifest, where it is there and lists that: of archives with one platform of it. */
async function annotatedIndex(
  contents: ArchiveContents,
  { annotations }: JsonObject,
  manifest: Digest,
): Promise<Digest | undefined> {
  const digest = isObject(annotations) ? annotations[INDEX_ANNOTATION] : undefined;
  if (typeof digest !== 'string' || !isDigest(digest)) return undefined;
  const bytes = await contents.read(blobPath(digest));
  if (bytes === undefined || !matchesDigest(bytes, digest)) return undefined;
  const index = understood(() => parseManifest(bytes, undefined, 'the archive'));
  const isListed = index.kind === 'index' && index.manifests.some((entry) => entry.digest === manifest);
  return isListed ? digest : undefined;
}

/** https://github.com/opencontainers/image-spec/blob/main/annotations.md, and containerd's own. */
function namesOf({ annotations }: JsonObject): string[] {
  if (!isObject(annotations)) return [];
  const names = [annotations['io.containerd.image.name'], annotations['org.opencontainers.image.ref.name']];
  return names.filter((name): name is string => typeof name === 'string' && name !== '');
}

function isAttestation({ annotations, platform }: JsonObject): boolean {
  const isTyped =
    isObject(annotations) && annotations['vnd.docker.reference.type'] === 'attestation-manifest';
  return isTyped || (isObject(platform) && platform.os === 'unknown');
}

function parseJson(bytes: Uint8Array | undefined): unknown {
  if (bytes === undefined) return undefined;
  try {
    return JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch {
    return undefined;
  }
}
