import { createRequire } from 'node:module';

/**
 * Azurite, in a process that ends with its parent: when stdin closes, however the parent died, Azurite is stopped in
 * order, so that its data stays whole and its ports become free. AZURITE_SERVICES says which services it is to offer.
 */
process.stdin.on('end', () => process.kill(process.pid, 'SIGTERM'));
process.stdin.resume();
// Azurite reads its options from argv.
createRequire(import.meta.url)(
  `azurite/dist/src/${process.env.AZURITE_SERVICES === 'all' ? 'azurite' : 'blob/main'}.js`,
);
