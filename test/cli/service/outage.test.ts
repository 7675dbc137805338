import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ServiceError } from '../../../src/cli/service/imageCacheService.ts';
import { Outage } from '../../../src/cli/service/outage.ts';

const away = (): Promise<never> =>
  Promise.reject(new ServiceError('service_unavailable', 'No service answers.', { retryable: true }));

describe('a service that is out', () => {
  it('is borne, and told of once each time that it begins', async () => {
    let told = 0;
    const outage = new Outage(() => (told += 1));
    assert.equal(await outage.bear(away), undefined);
    assert.equal(await outage.bear(away), undefined);
    assert.equal(told, 1);
    assert.equal(await outage.bear(() => Promise.resolve(7)), 7);
    assert.equal(await outage.bear(away), undefined);
    assert.equal(told, 2);
  });

  it('is given up after its time', async () => {
    await assert.rejects(new Outage(() => undefined, 0).bear(away), { code: 'service_unavailable' });
  });

  it('is not what refuses, or a defect', async () => {
    const outage = new Outage(() => assert.fail());
    const refused = new ServiceError('unauthorized', 'It wants a key.');
    await assert.rejects(
      outage.bear(() => Promise.reject(refused)),
      refused,
    );
    const defect = new TypeError('x');
    await assert.rejects(
      outage.bear(() => Promise.reject(defect)),
      defect,
    );
  });
});
