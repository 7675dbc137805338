// `node build.mjs [FOLDER]` (default: dist): the app, as CommonJS for the Functions host, and one module for the command
// line. OpenTelemetry is a file of its own, which the app loads only where it is on. @azure/functions-core exists only
// inside the host's worker, so it stays outside.
import { chmod, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { build } from 'esbuild';
import { assembleScript } from './node/assemble.ts';
import { assemblePage } from './src/ui/assemblePage.ts';

const folder = process.argv[2] ?? 'dist';
const common = { bundle: true, platform: 'node', target: 'node22', sourcemap: true, logLevel: 'warning' };

const telemetryApart = {
  name: 'telemetry apart',
  setup: ({ onResolve }) =>
    onResolve({ filter: /\/openTelemetry\/start\.ts$/ }, ({ kind }) =>
      kind === 'dynamic-import' ? { path: './telemetry.cjs', external: true } : undefined,
    ),
};

const app = await build({
  ...common,
  // All that is deployed: `npm run package` ships what comes of these.
  entryPoints: { main: 'src/main.ts', telemetry: 'src/telemetry/openTelemetry/start.ts' },
  outdir: folder,
  outExtension: { '.js': '.cjs' },
  format: 'cjs',
  external: ['@azure/functions-core'],
  plugins: [telemetryApart],
  // What a compute node runs, and the operator's page, are served by the app, which is deployed as it is bundled.
  define: {
    TES_NODE_SCRIPT: JSON.stringify(assembleScript()),
    OPERATOR_PAGE: JSON.stringify(assemblePage()),
    'import.meta.url': '""',
  },
  metafile: true,
});
// Much of what is bundled is CommonJS, and asks for Node's modules in its way.
const requiring =
  "import { createRequire } from 'node:module';\nconst require = createRequire(import.meta.url);";
// What works on storage is the larger part of the app: ordinary commands need not load it.
const storageApart = {
  name: 'storage apart',
  setup: ({ onResolve }) =>
    onResolve({ filter: /\/direct\/storageCache\.ts$/ }, ({ kind }) =>
      kind === 'dynamic-import' ? { path: './image-cache-storage.mjs', external: true } : undefined,
    ),
};
await build({
  ...common,
  entryPoints: { 'image-cache': 'src/cli/bin.ts', 'image-cache-storage': 'src/direct/storageCache.ts' },
  outdir: folder,
  outExtension: { '.js': '.mjs' },
  format: 'esm',
  banner: { js: `#!/usr/bin/env node\n${requiring}` },
  plugins: [storageApart],
});
await chmod(path.join(folder, 'image-cache.mjs'), 0o755);
// Which file of which package went where.
await writeFile(path.join(folder, 'app.meta.json'), JSON.stringify(app.metafile));
