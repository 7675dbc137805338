import type { Digest } from '../image/digest.ts';
import { blobPath } from './indexFiles.ts';
import { padded, tarHeader } from './tarHeader.ts';

/**
 * What makes of an OCI image layout what every `docker load` takes, put in front of it: a tar entry with the list of
 * layers that Docker's classic image store looks for.
 * @param name the tag that the loaded image gets
 */
export function dockerPrefix(name: string, config: Digest, layers: readonly Digest[]): Uint8Array {
  const list = [{ Config: blobPath(config), RepoTags: [name], Layers: layers.map(blobPath) }];
  const content = Buffer.from(JSON.stringify(list));
  const padding = new Uint8Array(padded(content.length) - content.length);
  return Buffer.concat([tarHeader('manifest.json', content.length, 'file'), content, padding]);
}
