import { CacheError } from '../errors.ts';
import { type Digest, isDigest } from './digest.ts';
import { isObject, type JsonObject } from './json.ts';
import {
  bareMediaType,
  CONFIG_TYPES,
  INDEX_TYPES,
  layerCompression,
  MANIFEST_TYPES,
  OCI_EMPTY,
  OCI_INDEX,
  OCI_MANIFEST,
  SCHEMA1_TYPES,
} from './mediaTypes.ts';
import type { Platform } from './platform.ts';
import { printable } from './printable.ts';

/** https://github.com/opencontainers/image-spec/blob/main/descriptor.md */
export interface Descriptor {
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
  readonly platform?: Platform;
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
 * Reads a manifest or an index from the registry's own bytes.
 * @param contentType the answer's Content-Type, if it had one; it must not contradict the document
 * @param name what to call the image in an error
 * @throws {CacheError} unsupported_image, naming the kind of document and why it cannot be cached
 */
export function parseManifest(
  bytes: Uint8Array,
  contentType: string | undefined,
  name: string,
): ImageIndex | ImageManifest {
  const refuse = refuser(name);
  const document = parseObject(bytes, `the manifest of ${name}`);
  const said = contentType === undefined ? '' : bareMediaType(contentType);
  const { mediaType } = document;
  if (mediaType !== undefined && typeof mediaType !== 'string')
    return refuse('its mediaType is not a string.');

  if (SCHEMA1_TYPES.has(said) || document.schemaVersion === 1 || 'fsLayers' in document) {
    return refuse('it is in the obsolete Docker manifest schema 1. Push it again with a current Docker.');
  }
  if (document.schemaVersion !== 2) return refuse('its schemaVersion is not 2.');
  if ('manifests' in document && ('layers' in document || 'config' in document)) {
    // CVE-2021-41190: two readers could see two different images in one document.
    return refuse('its manifest is ambiguous: an index and a manifest at once.');
  }
  const known = INDEX_TYPES.has(said) || MANIFEST_TYPES.has(said);
  if (known && mediaType !== undefined && mediaType !== said) {
    return refuse(`its Content-Type ${said} contradicts its mediaType ${printable(mediaType)}.`);
  }
  const type = mediaType ?? (known ? said : 'manifests' in document ? OCI_INDEX : OCI_MANIFEST);
  if (INDEX_TYPES.has(type)) {
    if (!('manifests' in document)) return refuse(`it says ${type} but lists no manifests.`);
    return parseIndex(document, type, refuse);
  }
  if (MANIFEST_TYPES.has(type)) {
    if ('manifests' in document) return refuse(`it says ${type} but is an index.`);
    return parseImage(document, type, refuse);
  }
  return refuse(`its manifest is of an unknown type, ${printable(type)}.`);
}

type Refuse = (why: string) => never;

function refuser(name: string): Refuse {
  return (why) => {
    throw new CacheError('unsupported_image', `${name} cannot be cached: ${why}`);
  };
}

function parseIndex(document: JsonObject, mediaType: string, refuse: Refuse): ImageIndex {
  const entries = document.manifests;
  if (!Array.isArray(entries)) return refuse('the manifests of its index are not a list.');
  if (entries.length > MAX_INDEX_ENTRIES)
    return refuse(`its index lists more than ${MAX_INDEX_ENTRIES} manifests.`);
  return {
    kind: 'index',
    mediaType,
    manifests: entries.map((value: unknown) => {
      const entry = asObject(value, 'an entry of its index', refuse);
      const platform = parseIndexPlatform(entry.platform);
      const annotations = isObject(entry.annotations) ? entry.annotations : {};
      return {
        ...parseDescriptor(entry, 'an entry of its index', refuse),
        ...(platform !== undefined && { platform }),
        isAttestation:
          platform?.os === 'unknown' || annotations['vnd.docker.reference.type'] === 'attestation-manifest',
      };
    }),
  };
}

function parseIndexPlatform(value: unknown): Platform | undefined {
  if (!isObject(value)) return undefined;
  const { os, architecture, variant } = value;
  if (typeof os !== 'string' || typeof architecture !== 'string') return undefined;
  const osVersion = value['os.version'];
  return {
    os,
    architecture,
    ...(typeof variant === 'string' && variant !== '' && { variant }),
    ...(typeof osVersion === 'string' && osVersion !== '' && { osVersion }),
  };
}

function parseImage(document: JsonObject, mediaType: string, refuse: Refuse): ImageManifest {
  const artifactType = document.artifactType;
  const config = parseDescriptor(asObject(document.config, 'its config', refuse), 'its config', refuse);
  if (!CONFIG_TYPES.has(config.mediaType)) {
    const kind = typeof artifactType === 'string' && artifactType !== '' ? artifactType : config.mediaType;
    return refuse(
      kind === OCI_EMPTY
        ? 'it is an OCI artifact without an image config, not a container image.'
        : `it is an OCI artifact of type ${printable(kind)}, not a container image.`,
    );
  }
  if (config.size > MAX_CONFIG_BYTES) return refuse(`its config is larger than ${MAX_CONFIG_BYTES} bytes.`);
  const values = document.layers;
  if (!Array.isArray(values)) return refuse('its layers are not a list.');
  if (values.length > MAX_LAYERS)
    return refuse(`it has ${values.length} layers; at most ${MAX_LAYERS} are taken.`);
  const layers = values.map((value: unknown, index) => {
    const what = `its layer ${index + 1}`;
    const layer = parseDescriptor(asObject(value, what, refuse), what, refuse);
    if (layer.mediaType.includes('+encrypted'))
      return refuse(`${what} is encrypted (${printable(layer.mediaType)}).`);
    if (layerCompression(layer.mediaType) === undefined) {
      return refuse(
        `${what} is of type ${printable(layer.mediaType)}, which is not a container image's layer.`,
      );
    }
    return layer;
  });
  return { kind: 'manifest', mediaType, config, layers };
}

function parseDescriptor(value: JsonObject, what: string, refuse: Refuse): Descriptor {
  const { mediaType, digest, size, data, urls } = value;
  if (typeof mediaType !== 'string' || mediaType === '') return refuse(`${what} has no mediaType.`);
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
    ...(typeof data === 'string' && { data: Buffer.from(data, 'base64') }),
    ...(isUrls && { urls }),
  };
}

/** @throws {CacheError} unsupported_image where the bytes are not one JSON object in UTF-8 */
export function parseObject(bytes: Uint8Array, what: string): JsonObject {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    throw new CacheError('unsupported_image', `${what} is not JSON.`, { cause });
  }
  if (isObject(value)) return value;
  throw new CacheError('unsupported_image', `${what} is not a JSON object.`);
}

function asObject(value: unknown, what: string, refuse: Refuse): JsonObject {
  return isObject(value) ? value : refuse(`${what} is not an object.`);
}
