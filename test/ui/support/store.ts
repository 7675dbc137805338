import { LAYOUT_VERSION } from '../../../src/archive/layout.ts';
import { sha256Of } from '../../../src/image/digest.ts';
import { parseReference, runReference } from '../../../src/image/reference.ts';
import { isoSeconds, toMetadata } from '../../../src/store/archive/archiveMetadata.ts';
import { archiveName } from '../../../src/store/archive/archiveNames.ts';
import { addToHour, hourOf } from '../../../src/store/hints/statistics.ts';
import type { Storage } from '../../../src/store/storage.ts';
import { eachInParallel } from '../../../src/runs/eachInParallel.ts';

const DAY_MS = 24 * 3600 * 1000;
const MiB = 1024 ** 2;

export interface StoredImage {
  readonly image: string;
  readonly megabytes: number;
  /** Days since it was used last. */
  readonly unused: number;
  readonly architecture?: string;
}

/** Blobs as the catalogue lists them, of sizes that nobody has to upload: pages that were never written take no room. */
export async function storeImages(storage: Storage, images: readonly StoredImage[]): Promise<void> {
  await eachInParallel(images, 32, async ({ image, megabytes, unused, architecture = 'amd64' }) => {
    const ref = parseReference(image);
    const manifestDigest = sha256Of(`${image} ${architecture}`);
    const lastUsed = isoSeconds(new Date(Date.now() - unused * DAY_MS - 90 * 60_000));
    const metadata = toMetadata(
      {
        image: `${ref.registry}/${ref.repository}:${ref.tag ?? 'latest'}@${manifestDigest}`,
        platform: { os: 'linux', architecture },
        manifestDigest,
        indexDigest: sha256Of(`index of ${image}`),
        imageId: sha256Of(`config of ${image}`),
        layerCount: 7,
        compression: 'gzip',
        runRef: runReference(ref, manifestDigest),
        createdAt: isoSeconds(new Date(Date.now() - (unused + 3) * DAY_MS)),
        lastUsed,
      },
      LAYOUT_VERSION,
    );
    await storage.images
      .getPageBlobClient(archiveName(ref, manifestDigest))
      .create(Math.round((megabytes * MiB) / 512) * 512, { metadata });
  });
}

/**
 * A month in which the store grew and was asked, less on weekends.
 * @returns how many lookups there were, and how many of them were served
 */
export async function storeStatistics(
  storage: Storage,
  bytes: number,
  images: number,
): Promise<{ readonly lookups: number; readonly served: number }> {
  let [lookups, served] = [0, 0];
  for (let back = 29; back >= 1; back--) {
    const time = new Date(Date.now() - back * DAY_MS);
    const isWeekend = [0, 6].includes(time.getUTCDay());
    const grown = 1 - (back / 30) ** 1.4 * 0.75 + (back % 7) * 0.012;
    const hits = Math.round((isWeekend ? 190 : 900) * (1 + Math.sin(back * 1.7) / 4));
    const misses = Math.round((isWeekend ? 20 : 70) * (1 + Math.cos(back * 2.3) / 2));
    const pending = isWeekend ? 4 : 31;
    await addToHour(storage, hourOf(time), {
      images: Math.round(images * grown),
      bytes: Math.round(bytes * grown),
      hits,
      misses,
      pending,
    });
    served += hits;
    lookups += hits + misses + pending;
  }
  return { lookups, served };
}

/** What a genomics centre may have. */
export const SOME_IMAGES: readonly StoredImage[] = [
  { image: 'broadinstitute/gatk:4.6.1.0', megabytes: 3941, unused: 0 },
  { image: 'broadinstitute/gatk:4.5.0.0', megabytes: 3877, unused: 24 },
  { image: 'broadinstitute/picard:3.3.0', megabytes: 642, unused: 1 },
  { image: 'quay.io/biocontainers/samtools:1.21--h50ea8bc_0', megabytes: 71.5, unused: 0 },
  { image: 'quay.io/biocontainers/bwa-mem2:2.2.1--he70b90d_6', megabytes: 36.2, unused: 2 },
  { image: 'quay.io/biocontainers/star:2.7.11b--h43eeafb_3', megabytes: 24.9, unused: 9 },
  { image: 'quay.io/biocontainers/fastqc:0.12.1--hdfd78af_0', megabytes: 655, unused: 3 },
  { image: 'quay.io/biocontainers/multiqc:1.25.1--pyhdfd78af_0', megabytes: 518, unused: 3 },
  { image: 'google/deepvariant:1.6.1', megabytes: 6288, unused: 5 },
  { image: 'google/deepvariant:1.5.0', megabytes: 6120, unused: 44 },
  { image: 'ubuntu:24.04', megabytes: 28.4, unused: 0 },
  { image: 'ubuntu:24.04', megabytes: 27.1, unused: 6, architecture: 'arm64' },
  { image: 'python:3.13-slim', megabytes: 42.7, unused: 1 },
  { image: 'rocker/tidyverse:4.4.2', megabytes: 1043, unused: 12 },
  { image: 'ensemblorg/ensembl-vep:release_113.3', megabytes: 702, unused: 17 },
  { image: 'nfcore/cellranger:8.0.0', megabytes: 2410, unused: 27.5 },
  { image: 'contoso.azurecr.io/pipelines/joint-calling:2026.11.3', megabytes: 1890, unused: 0 },
  { image: 'contoso.azurecr.io/pipelines/joint-calling:2026.9.1', megabytes: 1871, unused: 52 },
  { image: 'mcr.microsoft.com/azure-cli:2.67.0', megabytes: 312, unused: 8 },
  { image: 'ghcr.io/ga4gh/htsget-refserver:1.5.0', megabytes: 18.3, unused: 61 },
];
