import { it } from 'node:test';
import { whyNoBicep } from '../../infra/bicep.ts';
import { checkInfrastructure } from '../../infra/check.ts';

const missing = whyNoBicep();
if (missing !== undefined && process.env.E2E === 'required') throw new Error(missing);

it('builds, is linted and formatted, and predicts what is committed', { skip: missing }, () =>
  checkInfrastructure(),
);
