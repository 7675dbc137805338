import type { PruneView, ReindexView, StatisticsView } from '../api/operatorViews.ts';
import { PAGE_SIZE } from '../api/limits.ts';
import type { CataloguePage, ImageView, LookupView } from '../api/views.ts';
import { loadConfig } from '../config.ts';
import { type CacheContext, openContext } from '../context.ts';
import { type ImageRequest, parseImageRequest } from '../image/imageRequest.ts';
import type { Runs } from '../runs/messages.ts';
import { describeImage } from '../service/describeImage.ts';
import { imageView, lookupView } from '../service/imageViews.ts';
import { lookupImage } from '../service/lookupImage.ts';
import { removeImage } from '../service/removeImage.ts';
import { Statistics } from '../statistics/statistics.ts';
import { listArchives } from '../store/archive/archives.ts';
import { ServiceEvents } from '../telemetry/serviceEvents.ts';
import { pruneImages } from '../upkeep/pruneImages.ts';
import { reindexPage } from '../upkeep/reindex.ts';
import { catalogueView, pruneView } from '../upkeep/upkeepViews.ts';

/** Without a task hub nobody knows of runs: what is not there is absent. */
const NO_RUNS: Runs = {
  start: () => Promise.reject(new Error('No service runs that could cache an image.')),
  status: () => Promise.resolve(undefined),
};

/**
 * The cache as its storage account has it: what the service's calls do, in this process, with the service's own
 * settings. No registry is asked.
 */
export class StorageCache {
  readonly #context: CacheContext;

  private constructor(context: CacheContext) {
    this.#context = context;
  }

  /**
   * @param env the app's settings
   * @throws {SettingError}
   * @throws {CacheError} storage_unavailable
   */
  static async open(env: NodeJS.ProcessEnv): Promise<StorageCache> {
    return new StorageCache(await openContext(loadConfig(env), () => undefined));
  }

  async state(image: string, platform: string | undefined): Promise<ImageView> {
    const request = this.#request(image, platform);
    return imageView(request, await describeImage(this.#context, NO_RUNS, request));
  }

  async lookup(image: string, platform: string | undefined): Promise<LookupView> {
    return this.#lookup(image, platform, true);
  }

  async inspect(image: string, platform: string | undefined): Promise<LookupView> {
    return this.#lookup(image, platform, false);
  }

  async list(prefix = '', continuation?: string): Promise<CataloguePage> {
    const { storage, config } = this.#context;
    const from = continuation === undefined ? {} : { continuation };
    const page = await listArchives(storage, { prefix, pageSize: PAGE_SIZE.most, ...from });
    return catalogueView(page, config);
  }

  async remove(image: string, platform: string | undefined): Promise<ImageView> {
    const request = this.#request(image, platform);
    await removeImage(this.#context, request);
    return imageView(request, { state: 'absent' });
  }

  /** Archives and what is said of them. What runs left is the service's to sweep. */
  async prune(dryRun: boolean): Promise<PruneView> {
    return pruneView(await pruneImages(this.#context, { dryRun }), dryRun);
  }

  async reindex(continuation?: string): Promise<ReindexView> {
    const { indexed, others, continuation: next } = await reindexPage(this.#context, continuation);
    return {
      indexed,
      others: others.map(({ blob, size, reason }) => ({ blob, size, reason })),
      ...(next !== undefined && { continuation: next }),
    };
  }

  async statistics(days: number): Promise<StatisticsView> {
    return new Statistics(this.#context.storage, new ServiceEvents()).view(days);
  }

  async #lookup(image: string, platform: string | undefined, isUse: boolean): Promise<LookupView> {
    const request = this.#request(image, platform);
    return lookupView(request, await lookupImage(this.#context, NO_RUNS, request, 0, isUse));
  }

  #request(image: string, platform: string | undefined): ImageRequest {
    return parseImageRequest(image, platform, this.#context.config.defaultPlatform);
  }
}
