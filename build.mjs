// Two CommonJS files for the Functions host, and one module for the command line. OpenTelemetry is a file of its own,
// which the app loads only where it is on. @azure/functions-core exists only inside the host's worker, so it stays
// outside.
import { build } from 'esbuild';
import { assembleScript } from './node/assemble.ts';

const common = { bundle: true, platform: 'node', target: 'node22', sourcemap: true, logLevel: 'warning' };
const app = { ...common, format: 'cjs', external: ['@azure/functions-core'] };

const telemetryApart = {
  name: 'telemetry apart',
  setup: ({ onResolve }) =>
    onResolve({ filter: /\/openTelemetry\/start\.ts$/ }, ({ kind }) =>
      kind === 'dynamic-import' ? { path: './telemetry.cjs', external: true } : undefined,
    ),
};

await build({
  ...app,
  entryPoints: ['src/main.ts'],
  outfile: 'dist/main.cjs',
  plugins: [telemetryApart],
  // What a compute node runs is served by the app, which is deployed as it is bundled.
  define: { TES_NODE_SCRIPT: JSON.stringify(assembleScript()), 'import.meta.url': '""' },
});
await build({
  ...app,
  entryPoints: ['src/telemetry/openTelemetry/start.ts'],
  outfile: 'dist/telemetry.cjs',
});
await build({
  ...common,
  entryPoints: ['src/cli/bin.ts'],
  outfile: 'dist/image-cache.mjs',
  format: 'esm',
  banner: { js: '#!/usr/bin/env node' },
});
