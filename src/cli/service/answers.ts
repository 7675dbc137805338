import type { RefusedView, ImageView, ProgressView } from '../../api/views.ts';
import type { Failure } from '../../errors.ts';

/**
 * Whether an answer is the service's: of what is shown of it, the types are looked at. The schemas of src/api would make
 * the program twice as large, and would refuse what a later version says beside it.
 */

export type JsonObject = Readonly<Record<string, unknown>>;

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** An image that was asked for in a list, or any other. */
export function isImage(value: unknown): value is ImageView | RefusedView {
  if (!isObject(value)) return false;
  const { state, error } = value;
  if (!areTexts(value, ['state', 'requested'])) return false;
  if (state === 'failed') return error === undefined || isFailure(error);
  return (
    areTexts(value, ['image', 'platform']) &&
    isCount(value.size) &&
    [
      'lastUsed',
      'createdAt',
      'pruneAfter',
      'runRef',
      'url',
      'manifestDigest',
      'imageId',
      'blob',
      'format',
      'encoding',
    ].every((name) => isText(value[name])) &&
    (value.progress === undefined || isProgress(value.progress))
  );
}

/** https://www.rfc-editor.org/rfc/rfc9457 */
export function isFailure(value: unknown): value is Failure {
  return (
    isObject(value) &&
    areTexts(value, ['code', 'detail']) &&
    typeof value.retryable === 'boolean' &&
    isCount(value.retryAfterSeconds)
  );
}

/** What prune did, or would do. */
export function isPruned(value: JsonObject): boolean {
  const { pruned, held, failed, complete } = value;
  const lists = [pruned, held, failed];
  return (
    typeof complete === 'boolean' &&
    ['prunedCount', 'heldCount', 'failedCount', 'kept', 'bytes', 'overBudgetBytes'].every((name) =>
      isNumber(value[name]),
    ) &&
    lists.every(
      (list) =>
        Array.isArray(list) &&
        list.every(
          (one) => isObject(one) && areTexts(one, ['image', 'lastUsed', 'reason']) && isNumber(one.size),
        ),
    ) &&
    (failed as readonly JsonObject[]).every((one) => areTexts(one, ['detail']))
  );
}

/** What is kept ready, and how it stands with it. */
export function isWarmed({ complete, images, failures }: JsonObject): boolean {
  return (
    typeof complete === 'boolean' &&
    Array.isArray(images) &&
    images.every((image) => isImage(image) && areTexts(image as unknown as JsonObject, ['wantedBy'])) &&
    Array.isArray(failures) &&
    failures.every(
      (failure) => isObject(failure) && areTexts(failure, ['wantedBy']) && isFailure(failure.error),
    )
  );
}

/** The store's size, and how lookups ended. */
export function isStatistics({ now, series }: JsonObject): boolean {
  return (
    isObject(now) &&
    isNumber(now.images) &&
    isNumber(now.bytes) &&
    areTexts(now, ['measuredAt']) &&
    Array.isArray(series) &&
    series.every(
      (point) =>
        isObject(point) &&
        ['hits', 'stale', 'pending', 'misses', 'failed'].every((name) => isCount(point[name])),
    )
  );
}

/** Blobs that are no archives. */
export function areOthers(value: unknown): boolean {
  return (
    Array.isArray(value) &&
    value.every((other) => isObject(other) && areTexts(other, ['blob', 'reason']) && isNumber(other.size))
  );
}

function isNumber(value: unknown): boolean {
  return value !== undefined && isCount(value);
}

function isProgress(value: unknown): value is ProgressView {
  if (!isObject(value) || !areTexts(value, ['phase'])) return false;
  const { stagedBytes, totalBytes, waiting } = value;
  const isKnown =
    waiting === undefined || (isObject(waiting) && areTexts(waiting, ['code', 'detail', 'until']));
  return isKnown && isCount(stagedBytes) && isCount(totalBytes);
}

function areTexts(value: JsonObject, names: readonly string[]): boolean {
  return names.every((name) => typeof value[name] === 'string');
}

function isText(value: unknown): boolean {
  return value === undefined || typeof value === 'string';
}

function isCount(value: unknown): boolean {
  return value === undefined || (typeof value === 'number' && Number.isFinite(value) && value >= 0);
}
