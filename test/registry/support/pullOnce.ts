/**
 * A program: pulls a blob with the settings it is given as JSON and prints its length and digest, or the
 * error. For what a process reads at its start only, such as NODE_EXTRA_CA_CERTS.
 */
import { buffer } from 'node:stream/consumers';
import { CacheError } from '../../../src/errors.ts';
import { sha256Of } from '../../../src/image/digest.ts';
import type { Descriptor } from '../../../src/image/manifest.ts';
import { parseReference } from '../../../src/image/reference.ts';
import { RegistryClient } from '../../../src/registry/client.ts';
import type { Timing } from '../../../src/registry/traffic/timing.ts';
import { clientSettings } from './clientSettings.ts';

export interface PullOnce {
  /** Entries of INSECURE_REGISTRIES. */
  readonly insecure: readonly string[];
  readonly timing: Partial<Timing>;
  readonly image: string;
  readonly descriptor: Descriptor;
}

const { insecure, timing, image, descriptor } = JSON.parse(process.argv[2] ?? '') as PullOnce;
const client = new RegistryClient({ ...clientSettings({ insecure }), timing });
try {
  const whole = { start: 0, end: descriptor.size };
  const reader = await client.openBlob(parseReference(image), descriptor, whole);
  const bytes = await buffer(reader.read(0, descriptor.size));
  reader.close();
  console.log(JSON.stringify({ digest: sha256Of(bytes), parallel: reader.parallel }));
} catch (error) {
  console.log(JSON.stringify(error instanceof CacheError ? error.toFailure() : String(error)));
}
await client.close();
