/**
 * `npm run audit`: what the registry knows against the packages that are deployed. Exit code 1 where that is an advisory
 * which SECURITY.md does not explain by its id. A registry that does not answer, or has no advisories, says nothing
 * about the packages: that fails only with AUDIT=required. Runs in the repository's root.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** `npm audit --json`: a report, or why there is none (https://docs.npmjs.com/cli/commands/npm-audit). */
interface AuditAnswer {
  readonly vulnerabilities?: Readonly<
    Record<
      string,
      {
        readonly severity: string;
        /** Advisories; or names of packages that are affected themselves. */
        readonly via: readonly (string | { readonly title: string; readonly url: string })[];
      }
    >
  >;
  readonly message?: string;
}

const { stdout } = spawnSync(
  'npm',
  ['audit', '--omit=dev', '--json', '--fetch-retries=1', '--fetch-timeout=30000'],
  { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] },
);
const { vulnerabilities, message } = parse(stdout);
if (vulnerabilities === undefined) {
  console.error(`No audit: ${message ?? 'npm gave no report'}`);
  process.exitCode = process.env.AUDIT === 'required' ? 1 : 0;
} else {
  const explained = readFileSync('SECURITY.md', 'utf8');
  const open = Object.entries(vulnerabilities).flatMap(([name, { severity, via }]) =>
    via
      .filter((cause) => typeof cause !== 'string')
      .filter(({ url }) => !explained.includes(url.slice(url.lastIndexOf('/') + 1)))
      .map(({ title, url }) => `${severity}: ${name}: ${title} (${url})`),
  );
  for (const line of open) console.error(line);
  if (open.length > 0) {
    console.error('Update these packages (npm audit fix), or say in SECURITY.md why they do no harm here.');
    process.exitCode = 1;
  } else console.log('No advisory is open against the packages that are deployed.');
}

function parse(text: string): AuditAnswer {
  try {
    return JSON.parse(text) as AuditAnswer;
  } catch {
    return {};
  }
}
