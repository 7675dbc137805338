import { type Digest, matchesDigest } from '../image/digest.ts';
import { blobPath } from './indexFiles.ts';
import { padded, TAR_BLOCK } from './tarHeader.ts';

/** The documents in an archive's head, as they stand there. */
export interface HeadDocuments {
  readonly manifest: Uint8Array;
  readonly config: Uint8Array;
  /** The manifest's, as index.json has it: a manifest need not name its own. */
  readonly mediaType: string;
}

/**
 * Finds manifest and config in the first bytes of an archive. Undefined where they are not whole in these bytes, or
 * are not what their digests name.
 */
export function readHead(bytes: Uint8Array, manifest: Digest, config: Digest): HeadDocuments | undefined {
  const found = new Map<string, Uint8Array>();
  for (let offset = 0; offset + TAR_BLOCK <= bytes.length;) {
    const header = bytes.subarray(offset, offset + TAR_BLOCK);
    const name = ascii(header, 0, 100);
    const size = Number.parseInt(ascii(header, 124, 12), 8);
    if (name === '' || !Number.isSafeInteger(size)) break;
    const start = offset + TAR_BLOCK;
    if (start + padded(size) <= bytes.length) found.set(name, bytes.subarray(start, start + size));
    offset = start + padded(size);
  }
  const document = (digest: Digest): Uint8Array | undefined => {
    const content = found.get(blobPath(digest));
    return content !== undefined && matchesDigest(content, digest) ? content : undefined;
  };
  const [manifestBytes, configBytes] = [document(manifest), document(config)];
  const mediaType = manifestType(found.get('index.json'));
  return manifestBytes === undefined || configBytes === undefined || mediaType === undefined
    ? undefined
    : { manifest: manifestBytes, config: configBytes, mediaType };
}

function manifestType(index: Uint8Array | undefined): string | undefined {
  try {
    const { manifests } = JSON.parse(Buffer.from(index ?? []).toString('utf8')) as {
      readonly manifests?: readonly { readonly mediaType?: unknown }[];
    };
    const type = manifests?.[0]?.mediaType;
    return typeof type === 'string' ? type : undefined;
  } catch {
    return undefined;
  }
}

function ascii(header: Uint8Array, start: number, length: number): string {
  return Buffer.from(header.subarray(start, start + length))
    .toString('latin1')
    .replace(/[\0 ].*$/s, '');
}
