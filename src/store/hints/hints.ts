import { hasStatus, isContainerMissing, type Storage, storing } from '../storage.ts';

/** All hints of a folder, with when each was written. */
export async function* listHints(
  { index }: Storage,
  folder: string,
): AsyncGenerator<{ readonly name: string; readonly written: Date }> {
  const pages = index.listBlobsFlat({ prefix: folder }).byPage({ maxPageSize: 5000 });
  for (;;) {
    const page = await storing('listing hints', async () => {
      try {
        return await pages.next();
      } catch (error) {
        if (isContainerMissing(error)) return undefined;
        throw error;
      }
    });
    if (page === undefined || page.done === true) return;
    for (const { name, properties } of page.value.segment.blobItems)
      yield { name, written: properties.lastModified };
  }
}

export async function deleteHint({ index }: Storage, blob: string): Promise<void> {
  await storing('deleting a hint', async () => {
    try {
      await index.deleteBlob(blob);
    } catch (error) {
      if (!hasStatus(error, 404, 409)) throw error;
    }
  });
}
