// One CommonJS file for the Functions host and one for the command line. @azure/functions-core exists only inside
// the host's worker, so it stays outside.
import { build } from 'esbuild';

const common = { bundle: true, platform: 'node', target: 'node22', format: 'cjs', sourcemap: true, logLevel: 'warning' };

await build({
  ...common,
  entryPoints: ['src/main.ts'],
  outfile: 'dist/main.cjs',
  external: ['@azure/functions-core'],
});
await build({
  ...common,
  entryPoints: ['src/cli/main.ts'],
  outfile: 'dist/image-cache.cjs',
  banner: { js: '#!/usr/bin/env node' },
});
