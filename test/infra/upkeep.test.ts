import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { appSettings, readSnapshot, resourcesOf, SHAPES } from './support/snapshot.ts';

/** What keeps a deployment in order: the net under prune, tags, locks. */

interface LifecyclePolicy {
  readonly policy: {
    readonly rules: readonly {
      readonly enabled: boolean;
      readonly definition: {
        readonly filters: { readonly prefixMatch: readonly string[] };
        readonly actions: {
          readonly baseBlob: { readonly delete: { readonly daysAfterModificationGreaterThan: number } };
        };
      };
    }[];
  };
}

for (const shape of SHAPES) {
  const snapshot = readSnapshot(shape);
  const settings = appSettings(snapshot);

  describe(`upkeep: ${shape}`, () => {
    it('deletes what prune left, in the container of the archives alone, and never before prune would', () => {
      const policies = resourcesOf(snapshot, 'Microsoft.Storage/storageAccounts/managementPolicies');
      const rules = policies.flatMap(
        ({ properties }) => (properties as unknown as LifecyclePolicy).policy.rules,
      );
      const [rule, ...others] = rules;
      assert.deepEqual(others, []);
      assert.equal(rule?.enabled, true);
      assert.deepEqual(rule.definition.filters.prefixMatch, [`${settings.IMAGE_CONTAINER}/`]);
      const days = rule.definition.actions.baseBlob.delete.daysAfterModificationGreaterThan;
      assert.ok(days > Number(settings.PRUNE_AFTER_DAYS), `${days} days`);
    });

    it('tags whatever takes tags alike', () => {
      const tags = snapshot.predictedResources.flatMap(({ tags }) => (tags === undefined ? [] : [tags]));
      assert.ok(tags.length > 5);
      for (const own of tags) {
        // By this one azd finds where to deploy.
        const shared = Object.entries(own).filter(([name]) => name !== 'azd-service-name');
        assert.deepEqual(Object.fromEntries(shared), tags[0]);
      }
    });
  });
}

describe('locks', () => {
  const locked = (shape: (typeof SHAPES)[number]) =>
    resourcesOf(readSnapshot(shape), 'Microsoft.Authorization/locks').map(({ id, properties }) => [
      /\/(\w+)\/[a-z]+-?\w+\/providers\/Microsoft\.Authorization\/locks\//.exec(id)?.[1],
      properties?.level,
    ]);

  it('are put on what cannot be made again, where they are asked for', () => {
    assert.deepEqual(locked('private').toSorted(), [
      ['storageAccounts', 'CanNotDelete'],
      ['vaults', 'CanNotDelete'],
      ['workspaces', 'CanNotDelete'],
    ]);
  });

  it('are nowhere else', () => assert.deepEqual(locked('main'), []));
});
