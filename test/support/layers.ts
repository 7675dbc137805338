import { createHash } from 'node:crypto';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { pack } from 'tar-stream';

/** A file's content, or what else an entry of a layer can be. */
export type FileSpec =
  | string
  | Uint8Array
  | { readonly content: string | Uint8Array; readonly mode?: number }
  | { readonly symlink: string }
  | { readonly directory: true; readonly mode?: number };

/** Entries of a layer by path, without a leading slash. */
export type FileMap = Readonly<Record<string, FileSpec>>;

export type Compression = 'gzip' | 'zstd' | 'none';

/** A layer as the registry stores it. */
export interface LayerBlob {
  readonly blob: Uint8Array;
  /** sha256 of the uncompressed tar. */
  readonly diffId: string;
  readonly compression: Compression;
}

/** Makes a layer of files. No files give an empty layer: a tar of its end marker alone. */
export async function makeLayer(files: FileMap, compression: Compression = 'gzip'): Promise<LayerBlob> {
  const tar = await makeTar(files);
  return { blob: compress(tar, compression), diffId: sha256(tar), compression };
}

export function compress(bytes: Uint8Array, compression: Compression): Uint8Array {
  switch (compression) {
    case 'gzip':
      return gzipSync(bytes);
    case 'zstd':
      return zstdCompressSync(bytes);
    case 'none':
      return bytes;
  }
}

/** `sha256:<hex>` */
export function sha256(bytes: Uint8Array | string): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

async function makeTar(files: FileMap): Promise<Uint8Array> {
  const tar = pack();
  const mtime = new Date(0);
  for (const [name, spec] of Object.entries(files)) {
    if (typeof spec === 'string' || spec instanceof Uint8Array) {
      tar.entry({ name, mtime, mode: 0o644 }, Buffer.from(spec));
    } else if ('symlink' in spec) {
      tar.entry({ name, mtime, type: 'symlink', linkname: spec.symlink });
    } else if ('directory' in spec) {
      tar.entry({ name, mtime, type: 'directory', mode: spec.mode ?? 0o755 });
    } else {
      tar.entry({ name, mtime, mode: spec.mode ?? 0o644 }, Buffer.from(spec.content));
    }
  }
  tar.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of tar as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
}
