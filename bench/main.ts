/** `npm run bench [-- NAME…]`: all benchmarks, or the ones named. Each prints its figures; none judges. */
const BENCHMARKS: Readonly<Record<string, () => Promise<{ run: () => Promise<void> }>>> = {
  cache: () => import('./cache.ts'),
  node: () => import('./node.ts'),
  prune: () => import('./prune.ts'),
  'storage-calls': () => import('./storageCalls.ts'),
};

const names = process.argv.slice(2);
const unknown = names.find((name) => !Object.hasOwn(BENCHMARKS, name));
if (unknown !== undefined) {
  console.error(`"${unknown}" is no benchmark. There are: ${Object.keys(BENCHMARKS).join(', ')}.`);
  process.exit(2);
}
for (const [name, load] of Object.entries(BENCHMARKS)) {
  if (names.length > 0 && !names.includes(name)) continue;
  console.log(`## ${name}`);
  await (await load()).run();
}
