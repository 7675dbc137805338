import { randomBytes } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { pack } from 'tar-stream';
import { type Digest, sha256Of } from '../src/image/digest.ts';
import { OCI_CONFIG, OCI_INDEX, OCI_MANIFEST } from '../src/image/mediaTypes.ts';
import { type Architecture, helloProgram } from './helloProgram.ts';

const GREETING = 'Hello from an image that came out of blob storage.\n';
const MiB = 1024 * 1024;

export interface SampleImage {
  /** All blobs and manifests by digest. */
  readonly blobs: ReadonlyMap<Digest, { readonly bytes: Buffer; readonly mediaType: string }>;
  readonly index: Digest;
  readonly greeting: string;
}

/** An image for two platforms, made on the spot: data layers big enough to watch, and a program that greets. */
export async function makeSampleImage(): Promise<SampleImage> {
  const blobs = new Map<Digest, { bytes: Buffer; mediaType: string }>();
  const add = (bytes: Buffer, mediaType: string) => {
    const digest = sha256Of(bytes);
    blobs.set(digest, { bytes, mediaType });
    return { mediaType, digest, size: bytes.length };
  };
  const addJson = (value: object, mediaType: string) => add(Buffer.from(JSON.stringify(value)), mediaType);

  const data = [
    await makeLayer('data/reference.bin', randomBytes(24 * MiB), 0o644),
    await makeLayer('data/index.bin', randomBytes(12 * MiB), 0o644),
  ];
  const manifests = [];
  for (const architecture of ['amd64', 'arm64'] satisfies Architecture[]) {
    const program = await makeLayer('hello', helloProgram(architecture, GREETING), 0o755);
    const layers = [...data, program];
    const config = addJson(
      {
        architecture,
        os: 'linux',
        config: { Entrypoint: ['/hello'] },
        rootfs: { type: 'layers', diff_ids: layers.map((layer) => layer.diffId) },
        history: layers.map(() => ({ created_by: 'tes-image-cache demo' })),
      },
      OCI_CONFIG,
    );
    const manifest = addJson(
      {
        schemaVersion: 2,
        mediaType: OCI_MANIFEST,
        config,
        layers: layers.map(({ gzip }) => add(gzip, 'application/vnd.oci.image.layer.v1.tar+gzip')),
      },
      OCI_MANIFEST,
    );
    manifests.push({ ...manifest, platform: { os: 'linux', architecture } });
  }
  const index = addJson({ schemaVersion: 2, mediaType: OCI_INDEX, manifests }, OCI_INDEX);
  return { blobs, index: index.digest, greeting: GREETING };
}

async function makeLayer(
  name: string,
  content: Buffer,
  mode: number,
): Promise<{ gzip: Buffer; diffId: Digest }> {
  const tar = pack();
  tar.entry({ name, mode, mtime: new Date(0) }, content);
  tar.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of tar) chunks.push(chunk as Buffer);
  const plain = Buffer.concat(chunks);
  return { gzip: gzipSync(plain, { level: 1 }), diffId: sha256Of(plain) };
}
