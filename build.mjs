// One CommonJS file for the Functions host and one module for the command line. @azure/functions-core exists only inside
// the host's worker, so it stays outside.
import { build } from 'esbuild';
import { assembleScript } from './node/assemble.ts';
import { assemblePage } from './src/ui/assemblePage.ts';

const common = { bundle: true, platform: 'node', target: 'node22', sourcemap: true, logLevel: 'warning' };

await build({
  ...common,
  entryPoints: ['src/main.ts'],
  outfile: 'dist/main.cjs',
  format: 'cjs',
  external: ['@azure/functions-core'],
  // What a compute node runs, and the operator's page, are served by the app, which is deployed as this one file.
  define: {
    TES_NODE_SCRIPT: JSON.stringify(assembleScript()),
    OPERATOR_PAGE: JSON.stringify(assemblePage()),
    'import.meta.url': '""',
  },
});
await build({
  ...common,
  entryPoints: ['src/cli/bin.ts'],
  outfile: 'dist/image-cache.mjs',
  format: 'esm',
  banner: { js: '#!/usr/bin/env node' },
});
