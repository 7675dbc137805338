import { CacheError } from '../errors.ts';
import { type Digest, isDigest } from './digest.ts';
import { member, readObject, textMember } from './goJson.ts';
import { isObject, type JsonObject } from './json.ts';
import {
  bareMediaType,
  CONFIG_TYPES,
  DOCKER_CONFIG,
  DOCKER_MANIFEST,
  INDEX_TYPES,
  layerCompression,
  LEGACY_CONFIG_TYPES,
  MANIFEST_TYPES,
  OCI_EMPTY,
  OCI_INDEX,
  OCI_MANIFEST,
} from './mediaTypes.ts';
import { normalisePlatform, type OfferedPlatform } from './platform.ts';
import { printable } from './printable.ts';
import { isSchema1, isSchema1Document, SCHEMA1_REFUSAL } from './schema1.ts';

/** https://github.com/opencontainers/image-spec/blob/main/descriptor.md */
export interface Descriptor {
  /** Empty where none is named, as a config's may be, and an index entry's. */
  readonly mediaType: string;
  readonly digest: Digest;
  /** Bytes. */
  readonly size: number;
  /** The content itself, where the descriptor carries it. Not verified here. */
  readonly data?: Uint8Array;
  /** Where else a foreign layer may be had: written by whoever wrote the manifest, so hostile. */
  readonly urls?: readonly string[];
}

export interface IndexEntry extends Descriptor {
  readonly platform?: OfferedPlatform;
  readonly isAttestation: boolean;
}

export interface ImageIndex {
  readonly kind: 'index';
  readonly mediaType: string;
  readonly manifests: readonly IndexEntry[];
}

export interface ImageManifest {
  readonly kind: 'manifest';
  readonly mediaType: string;
  readonly config: Descriptor;
  readonly layers: readonly Descriptor[];
}

/** Caps on what a registry may send, as other readers have them (`docker load` through containers/image: 4 MiB). */
export const MAX_MANIFEST_BYTES = 4 * 1024 * 1024;
export const MAX_CONFIG_BYTES = 4 * 1024 * 1024;
/** Docker's classic store stops at 125; nothing that runs anywhere has more than this. */
export const MAX_LAYERS = 1000;
const MAX_INDEX_ENTRIES = 1000;

/**
 * Reads a manifest or an index from the registry's own bytes. What it is, and its media type, follow from these alone,
 * so that one digest is one thing, whoever serves it.
 * @param contentType the answer's Content-Type, where a registry has just sent it. Registries send any; but one that
 * calls an index a manifest, or the other way round, is refused, as Docker and containerd do: what the document says
 * and what its registry says would be two different images.
 * @param name what to call the image in an error
 * @throws {CacheError} unsupported_image, naming the kind of document and why it cannot be cached
 */
export function parseManifest(
  bytes: Uint8Array,
  contentType: string | undefined,
  name: string,
): ImageIndex | ImageManifest {
  const refuse = refuser(name);
  if (isSchema1(contentType)) return refuse(SCHEMA1_REFUSAL);
  const parsed = parseBytes(bytes, name, refuse);
  checkContentType(parsed, contentType, name);
  return parsed;
}

/**
 * Refuses a document that its registry calls by another kind's name: parseManifest's second half, for whoever has read
 * the bytes already.
 * @throws {CacheError} unsupported_image
 */
export function checkContentType(
  { kind, mediaType }: ImageIndex | ImageManifest,
  contentType: string | undefined,
  name: string,
): void {
  const refuse = refuser(name);
  if (isSchema1(contentType)) refuse(SCHEMA1_REFUSAL);
  const said = bareMediaType(contentType ?? '');
  if ((kind === 'index' ? MANIFEST_TYPES : INDEX_TYPES).has(said))
    refuse(`its Content-Type ${said} contradicts its mediaType ${mediaType}.`);
}

function parseBytes(bytes: Uint8Array, name: string, refuse: Refuse): ImageIndex | ImageManifest {
  const document = readObject(bytes, `the manifest of ${name}`);
  if (isSchema1Document(document)) return refuse(SCHEMA1_REFUSAL);
  const version = member(document, 'schemaVersion');
  if (version !== undefined && version !== 2) return refuse('its schemaVersion is not 2.');
  const [manifests, layers, config] = ['manifests', 'layers', 'config'].map((key) => member(document, key));
  if (manifests !== undefined && (layers !== undefined || config !== undefined)) {
    // CVE-2021-41190: two readers could see two different images in one document. An empty list is enough for them.
    return refuse('its manifest is ambiguous: an index and a manifest at once.');
  }
  const isIndex = manifests !== undefined && config === undefined;
  const mediaType = member(document, 'mediaType') ?? '';
  if (typeof mediaType !== 'string') return refuse('its mediaType is not a string.');
  const type = mediaType === '' ? impliedType(isIndex, config) : mediaType;
  if (!INDEX_TYPES.has(type) && !MANIFEST_TYPES.has(type))
    return refuse(`its manifest is of an unknown type, ${printable(type)}.`);
  if (INDEX_TYPES.has(type) !== isIndex)
    return refuse(isIndex ? `it says ${type} but is an index.` : `it says ${type} but lists no manifests.`);
  return isIndex ? parseIndex(manifests, type, refuse) : parseImage(document, type, refuse);
}

/** Of a document that names no media type, as OCI's and Docker's older ones do. */
function impliedType(isIndex: boolean, config: unknown): string {
  if (isIndex) return OCI_INDEX;
  return isObject(config) && member(config, 'mediaType') === DOCKER_CONFIG ? DOCKER_MANIFEST : OCI_MANIFEST;
}

type Refuse = (why: string) => never;

function refuser(name: string): Refuse {
  return (why) => {
    throw new CacheError('unsupported_image', `${name} cannot be cached: ${why}`);
  };
}

function parseIndex(entries: unknown, mediaType: string, refuse: Refuse): ImageIndex {
  if (!Array.isArray(entries)) return refuse('the manifests of its index are not a list.');
  if (entries.length > MAX_INDEX_ENTRIES)
    return refuse(`its index lists more than ${MAX_INDEX_ENTRIES} manifests.`);
  return {
    kind: 'index',
    mediaType,
    manifests: entries.map((value: unknown) => {
      const entry = asObject(value, 'an entry of its index', refuse);
      const platform = parseIndexPlatform(member(entry, 'platform'));
      const annotations = member(entry, 'annotations');
      const referenceType = isObject(annotations) && annotations['vnd.docker.reference.type'];
      return {
        ...parseDescriptor(entry, 'an entry of its index', refuse),
        ...(platform !== undefined && { platform }),
        isAttestation: platform?.os === 'unknown' || referenceType === 'attestation-manifest',
      };
    }),
  };
}

function parseIndexPlatform(value: unknown): OfferedPlatform | undefined {
  if (!isObject(value)) return undefined;
  const [os, architecture] = [textMember(value, 'os'), textMember(value, 'architecture')];
  if (os === undefined || architecture === undefined) return undefined;
  const [variant, osVersion] = [textMember(value, 'variant'), textMember(value, 'os.version')];
  const features = member(value, 'os.features');
  const osFeatures = Array.isArray(features)
    ? features.filter((feature) => typeof feature === 'string' && feature !== '')
    : [];
  return {
    ...normalisePlatform({
      os,
      architecture,
      ...(variant !== undefined && { variant }),
      ...(osVersion !== undefined && { osVersion }),
    }),
    ...(osFeatures.length > 0 && { osFeatures }),
  };
}

function parseImage(document: JsonObject, mediaType: string, refuse: Refuse): ImageManifest {
  const descriptor = asObject(member(document, 'config'), 'its config', refuse);
  const config = parseDescriptor(descriptor, 'its config', refuse);
  const artifactType = textMember(document, 'artifactType');
  // An image may have an artifactType as well: only a config that is typed as one tells, or what is in the config.
  const isUntyped = LEGACY_CONFIG_TYPES.has(config.mediaType.toLowerCase());
  if (!CONFIG_TYPES.has(config.mediaType) && !(isUntyped && artifactType === undefined)) {
    const kind = artifactType ?? config.mediaType;
    return refuse(
      kind === OCI_EMPTY
        ? 'it is an OCI artifact without an image config, not a container image.'
        : `it is an OCI artifact of type ${printable(kind)}, not a container image.`,
    );
  }
  if (config.size > MAX_CONFIG_BYTES) return refuse(`its config is larger than ${MAX_CONFIG_BYTES} bytes.`);
  const values = member(document, 'layers') ?? [];
  if (!Array.isArray(values)) return refuse('its layers are not a list.');
  if (values.length > MAX_LAYERS)
    return refuse(`it has ${values.length} layers; at most ${MAX_LAYERS} are taken.`);
  const sizes = new Map([[config.digest, config.size]]);
  const layers = values.map((value: unknown, index) => {
    const what = `its layer ${index + 1}`;
    const layer = parseDescriptor(asObject(value, what, refuse), what, refuse);
    if (layer.mediaType === '') return refuse(`${what} has no mediaType.`);
    if (layer.mediaType.includes('+encrypted'))
      return refuse(`${what} is encrypted (${printable(layer.mediaType)}).`);
    if (layerCompression(layer.mediaType) === undefined) {
      return refuse(
        `${what} is of type ${printable(layer.mediaType)}, which is not a container image's layer.`,
      );
    }
    // One blob is stored once, so it has one size.
    if ((sizes.get(layer.digest) ?? layer.size) !== layer.size)
      return refuse(`${what} has another size than where its digest is listed before.`);
    sizes.set(layer.digest, layer.size);
    return layer;
  });
  return { kind: 'manifest', mediaType, config, layers };
}

function parseDescriptor(value: JsonObject, what: string, refuse: Refuse): Descriptor {
  const [digest, size, data, urls] = ['digest', 'size', 'data', 'urls'].map((name) => member(value, name));
  const mediaType = member(value, 'mediaType') ?? '';
  if (typeof mediaType !== 'string') return refuse(`the mediaType of ${what} is not a string.`);
  if (typeof digest !== 'string') return refuse(`${what} has no digest.`);
  if (!isDigest(digest))
    return refuse(`${what} has the digest "${printable(digest)}", which is neither sha256 nor sha512.`);
  if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0)
    return refuse(`${what} has no valid size.`);
  const isUrls = Array.isArray(urls) && urls.length > 0 && urls.every((url) => typeof url === 'string');
  return {
    mediaType,
    digest,
    size,
    ...(typeof data === 'string' && data !== '' && { data: Buffer.from(data, 'base64') }),
    ...(isUrls && { urls }),
  };
}

function asObject(value: unknown, what: string, refuse: Refuse): JsonObject {
  return isObject(value) ? value : refuse(`${what} is not an object.`);
}
