import { type JsonObject, parseJsonObject } from '../../image/json.ts';
import { findIn, readBlob, type Storage, storing, writing } from '../storage.ts';

/**
 * What a run has planned, as JSON, beside the blocks that it stages: it is lost only where they are lost too. No
 * repository's path begins with an underscore, so its name is no archive's.
 */
function runPlanName(blob: string, run: string): string {
  return `${RUN_PLANS}${blob}/${run}.json`;
}

/** The folder of all plans. */
export const RUN_PLANS = '_runs/';

/** Undefined where there is none, or what is there is no JSON object. */
export async function readRunPlan(
  storage: Storage,
  blob: string,
  run: string,
): Promise<JsonObject | undefined> {
  const client = storage.images.getBlobClient(runPlanName(blob, run));
  const found = await readBlob("reading a run's plan", client);
  return found && parseJsonObject(found.bytes.toString('utf8'));
}

export async function writeRunPlan(storage: Storage, blob: string, run: string, plan: object): Promise<void> {
  const body = Buffer.from(JSON.stringify(plan));
  await writing("keeping a run's plan", storage.images, () =>
    storage.images.getBlockBlobClient(runPlanName(blob, run)).upload(body, body.length, {
      blobHTTPHeaders: { blobContentType: 'application/json' },
    }),
  );
}

export async function deleteRunPlan(storage: Storage, blob: string, run: string): Promise<void> {
  await findIn("deleting a run's plan", () => storage.images.getBlobClient(runPlanName(blob, run)).delete());
}

/** Runs that have a plan for this archive which was written at that time or later. */
export async function plannedRunsSince(
  storage: Storage,
  blob: string,
  oldest: Date,
): Promise<ReadonlySet<string>> {
  const prefix = `${RUN_PLANS}${blob}/`;
  const runs = new Set<string>();
  await storing("listing runs' plans", async () => {
    for await (const { name, properties } of storage.images.listBlobsFlat({ prefix })) {
      if (properties.lastModified >= oldest) runs.add(name.slice(prefix.length).replace(/\.json$/, ''));
    }
  });
  return runs;
}

/** Deletes the plans that were made before then. */
export async function deleteRunPlansBefore(storage: Storage, oldest: Date): Promise<void> {
  await storing("deleting runs' plans", async () => {
    for await (const { name, properties } of storage.images.listBlobsFlat({ prefix: RUN_PLANS })) {
      if (properties.lastModified < oldest) await storage.images.getBlobClient(name).deleteIfExists();
    }
  });
}
