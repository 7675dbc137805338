import * as z from 'zod/mini';
import type { Call } from './call.ts';
import { PENDING, READY } from './examples.ts';
import { PruneView, ReindexView, RunsView, StatisticsView, WarmView } from './operatorViews.ts';
import { PruneQuery, ReindexQuery, RunsQuery, StatisticsQuery, WarmQuery } from './queries.ts';

/** The operator's page, and what it shows beside the images. */
export const OPERATOR_CALLS: readonly Call[] = [
  {
    method: 'get',
    path: '/api/runs',
    id: 'getRuns',
    tag: 'operation',
    summary: 'What is on its way, and what failed',
    description: 'Newest first.',
    query: RunsQuery,
    answers: {
      200: {
        description: 'The images.',
        schemas: [RunsView],
        example: {
          images: [{ ...PENDING, startedAt: '2026-03-01T12:00:00Z', updatedAt: '2026-03-01T12:00:20Z' }],
        },
      },
    },
  },
  {
    method: 'get',
    path: '/api/statistics',
    id: 'getStatistics',
    tag: 'operation',
    summary: 'What is cached, and how the cache did',
    description: 'Oldest first. What was not counted is left out.',
    query: StatisticsQuery,
    answers: {
      200: {
        description: 'The figures.',
        schemas: [StatisticsView],
        example: {
          now: { images: 12, bytes: 9_870_000_000, measuredAt: '2026-03-01T12:00:00Z' },
          series: [{ time: '2026-03-01T11:00:00Z', images: 12, bytes: 9_870_000_000, hits: 40, misses: 1 }],
        },
      },
    },
  },
  {
    method: 'post',
    path: '/api/prune',
    id: 'prune',
    tag: 'operation',
    summary: 'Delete what nobody used for long',
    description: 'As the timer does; `dryRun=true` only says what would go.',
    query: PruneQuery,
    answers: {
      200: {
        description: 'What was deleted, or would be.',
        schemas: [PruneView],
        example: {
          dryRun: true,
          complete: true,
          prunedCount: 1,
          pruned: [
            {
              ...{ blob: READY.blob, image: READY.image, size: READY.size, lastUsed: READY.lastUsed },
              reason: 'Nobody used it for 30 days.',
            },
          ],
          held: [],
          heldCount: 0,
          failed: [],
          failedCount: 0,
          kept: 11,
          bytes: READY.size,
          overBudgetBytes: 0,
        },
      },
    },
  },
  {
    method: 'post',
    path: '/api/warm',
    id: 'warm',
    tag: 'operation',
    summary: 'Cache what is to be kept ready',
    description:
      'As the timer does, by the settings WARM_IMAGES and WARM_REPOSITORIES; `dryRun=true` only says what would be cached.',
    query: WarmQuery,
    answers: {
      200: {
        description: 'The images.',
        schemas: [WarmView],
        example: {
          dryRun: false,
          complete: true,
          images: [{ ...PENDING, wantedBy: 'WARM_IMAGES' }],
          failures: [],
        },
      },
    },
  },
  {
    method: 'post',
    path: '/api/reindex',
    id: 'reindex',
    tag: 'operation',
    summary: 'Rebuild what is known of the archives',
    description:
      'A page at a time, from the archives themselves, where the index was lost. It deletes nothing.',
    query: ReindexQuery,
    answers: {
      200: {
        description: 'What was rebuilt.',
        schemas: [ReindexView],
        example: { indexed: 42, others: [] },
      },
    },
  },
  {
    method: 'get',
    path: '/api/ui',
    id: 'getPage',
    tag: 'operation',
    summary: "The operator's page",
    description: 'One page of HTML. It asks for a function key where the app wants one.',
    isAnonymous: true,
    answers: {
      200: { description: 'The page.', mediaType: 'text/html', schemas: [z.string()] },
      304: { description: 'The page that the browser has is still the same.' },
    },
  },
];
