import type { PruneView, WarmView } from '../api/operatorViews.ts';
import type { CataloguePage } from '../api/views.ts';
import { archiveView, imageView } from '../service/imageViews.ts';
import type { ArchivePage } from '../store/archive/archives.ts';
import type { PruneReport } from './pruneReport.ts';
import { pruneAfter, type PruneRules } from './pruneRules.ts';
import type { WarmReport } from './warmImages.ts';

/** What the store's upkeep found, as operators see it. */

export function catalogueView(
  { images, others, continuation }: ArchivePage,
  rules: PruneRules,
): CataloguePage {
  return {
    images: images.map((image) => {
      const due = pruneAfter(image, rules);
      return { ...archiveView(image), ...(due !== undefined && { pruneAfter: due }) };
    }),
    ...(others.length > 0 && { others: others.map(({ blob, size, reason }) => ({ blob, size, reason })) }),
    ...(continuation !== undefined && { continuation }),
  };
}

export function pruneView(
  { deleted, held, failed, kept, overBudgetBytes, complete }: PruneReport,
  dryRun: boolean,
): PruneView {
  return {
    ...{ dryRun, complete },
    ...{ pruned: deleted.images, prunedCount: deleted.count },
    ...{ held: held.images, heldCount: held.count },
    ...{ failed: failed.images, failedCount: failed.count },
    ...{ kept, bytes: deleted.bytes, overBudgetBytes },
  };
}

export function warmView({ images, failures, complete }: WarmReport, dryRun: boolean): WarmView {
  return {
    ...{ dryRun, complete },
    images: images.map(({ request, found, wantedBy }) => ({ ...imageView(request, found), wantedBy })),
    failures: failures.map(({ wantedBy, error }) => ({ wantedBy, error: error.toFailure() })),
  };
}
