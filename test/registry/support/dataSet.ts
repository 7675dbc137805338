import { gzipSync } from 'node:zlib';
import { algorithmOf, type Digest, type DigestAlgorithm, sha256Of } from '../../../src/image/digest.ts';
import { OCI_CONFIG, OCI_INDEX, OCI_MANIFEST } from '../../../src/image/mediaTypes.ts';
import { sha512Of } from './samples.ts';

/** A descriptor as it stands in a document. */
export interface JsonDescriptor {
  readonly mediaType: string;
  readonly digest: Digest;
  readonly size: number;
  readonly [more: string]: unknown;
}

export const OCI_GZIP = 'application/vnd.oci.image.layer.v1.tar+gzip';

export interface ImageSpec {
  readonly os?: string;
  readonly architecture?: string;
  readonly layers?: number;
  readonly layerType?: string;
  readonly layerBytes?: Buffer;
  readonly configType?: string;
  /** In place of a config that fits. */
  readonly config?: unknown;
  readonly manifestType?: string;
  readonly algorithm?: DigestAlgorithm;
  /** Every descriptor carries its content. */
  readonly inline?: boolean;
  readonly manifest?: Readonly<Record<string, unknown>>;
}

/** Documents and blobs that belong together, by digest, as a registry holds them. */
export class DataSet {
  readonly blobs = new Map<string, Buffer>();
  readonly manifests = new Map<string, { readonly bytes: Buffer; readonly contentType: string }>();
  #count = 0;

  blob(mediaType: string, bytes: Buffer, spec: ImageSpec = {}): JsonDescriptor {
    const digest = spec.algorithm === 'sha512' ? sha512Of(bytes) : sha256Of(bytes);
    this.blobs.set(digest, bytes);
    const data = spec.inline === true && { data: bytes.toString('base64') };
    return { mediaType, digest, size: bytes.length, ...data };
  }

  /** A document kept under its digest. @param contentType what the registry says it is */
  document(document: unknown, contentType: string, algorithm: DigestAlgorithm = 'sha256'): JsonDescriptor {
    const bytes = Buffer.isBuffer(document) ? document : Buffer.from(JSON.stringify(document));
    const digest = algorithm === 'sha512' ? sha512Of(bytes) : sha256Of(bytes);
    this.manifests.set(digest, { bytes, contentType });
    return { mediaType: contentType, digest, size: bytes.length };
  }

  image(spec: ImageSpec = {}): JsonDescriptor {
    const { os = 'linux', architecture = 'amd64', manifestType = OCI_MANIFEST } = spec;
    const contents = Array.from({ length: spec.layers ?? 2 }, () => {
      const tar = Buffer.alloc(1024, `${(this.#count += 1)}`);
      return { tar, bytes: spec.layerBytes ?? (spec.layerType?.endsWith('.tar') ? tar : gzipSync(tar)) };
    });
    const layers = contents.map(({ bytes }) => this.blob(spec.layerType ?? OCI_GZIP, bytes, spec));
    const rootfs = { type: 'layers', diff_ids: contents.map(({ tar }) => sha256Of(tar)) };
    const config = Buffer.from(JSON.stringify(spec.config ?? { os, architecture, rootfs }));
    const document = {
      schemaVersion: 2,
      mediaType: manifestType,
      config: this.blob(spec.configType ?? OCI_CONFIG, config, spec),
      layers,
      ...spec.manifest,
    };
    return this.document(document, manifestType, spec.algorithm);
  }

  index(manifests: readonly unknown[], more: object = {}, mediaType: string = OCI_INDEX): JsonDescriptor {
    return this.document({ schemaVersion: 2, mediaType, manifests, ...more }, mediaType);
  }

  /** The algorithms in use: not every registry knows both. */
  get algorithms(): Set<DigestAlgorithm> {
    return new Set([...this.blobs.keys(), ...this.manifests.keys()].map((one) => algorithmOf(one as Digest)));
  }
}
