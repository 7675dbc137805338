// One CommonJS file for the Functions host and one module for the command line. @azure/functions-core exists only inside
// the host's worker, so it stays outside.
import { build } from 'esbuild';
import { assembleScript } from './node/assemble.ts';

const common = { bundle: true, platform: 'node', target: 'node22', sourcemap: true, logLevel: 'warning' };

await build({
  ...common,
  entryPoints: ['src/main.ts'],
  outfile: 'dist/main.cjs',
  format: 'cjs',
  external: ['@azure/functions-core'],
  // What a compute node runs is served by the app, which is deployed as this one file.
  define: { TES_NODE_SCRIPT: JSON.stringify(assembleScript()), 'import.meta.url': '""' },
});
await build({
  ...common,
  entryPoints: ['src/cli/bin.ts'],
  outfile: 'dist/image-cache.mjs',
  format: 'esm',
  banner: { js: '#!/usr/bin/env node' },
});
