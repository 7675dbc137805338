/** @import { RunView } from '../../api/operatorViews.ts' */
import { byId, element, setChildren, setText } from './dom.js';
import { imageName, spokenName } from './imageName.js';
import { Rates } from './rates.js';
import { counted, formatAgo, formatBytes, formatClock, formatDuration, shortened, visible } from './text.js';

/** What is on its way, and what failed: items that stay while they change, so that the focus stays in them. */

/** @param {RunView} run */
export function runKey({ image, platform }) {
  return `${image} ${platform}`;
}

const PHASES = /** @type {Record<string, string>} */ ({
  resolving: 'asking the registry',
  copying: 'copying',
  waiting: 'waiting',
  committing: 'committing',
});

export class PendingList {
  #rates = new Rates();
  /** @type {Map<string, ReturnType<typeof pendingItem>>} */
  #items = new Map();

  /**
   * @param {readonly RunView[]} runs
   * @param {number} limit of the list that was asked for
   */
  show(runs, limit) {
    const keys = new Set(runs.map(runKey));
    this.#rates.keepOnly(keys);
    this.#items = new Map(runs.map((run) => [runKey(run), this.#items.get(runKey(run)) ?? pendingItem(run)]));
    for (const run of runs) this.#fill(run);
    const list = byId('pending', HTMLElement);
    setChildren(
      list,
      [...this.#items.values()].map(({ item }) => item),
    );
    list.hidden = runs.length === 0;
    byId('pending-empty', HTMLElement).hidden = runs.length > 0;
    const more = byId('pending-more', HTMLElement);
    more.hidden = runs.length < limit;
    setText(more, `The newest ${limit} are shown; there may be more.`);
  }

  /** @param {RunView} run */
  #fill(run) {
    const parts = this.#items.get(runKey(run));
    if (parts === undefined) return;
    const { phase = 'starting', stagedBytes, totalBytes, waiting } = run.progress ?? {};
    const now = Date.now();
    const rate = stagedBytes === undefined ? undefined : this.#rates.add(runKey(run), stagedBytes, now);
    parts.item.className = waiting === undefined ? '' : 'waiting';
    if (stagedBytes !== undefined && totalBytes !== undefined) {
      parts.bar.max = Math.max(1, totalBytes);
      parts.bar.value = Math.min(stagedBytes, totalBytes);
    } else parts.bar.removeAttribute('value');
    setText(parts.facts, facts(run, phase, rate).join(' · '));
    setText(
      parts.why,
      waiting === undefined
        ? ''
        : `Waits until ${formatClock(Date.parse(waiting.until))} (${formatDuration((Date.parse(waiting.until) - now) / 1000)}): ${shortened(visible(waiting.detail))}`,
    );
  }
}

/**
 * @param {RunView} run
 * @param {string} phase
 * @param {number | undefined} rate bytes per second
 */
function facts(run, phase, rate) {
  const { stagedBytes, totalBytes, waiting } = run.progress ?? {};
  const known = [visible(run.platform)];
  if (stagedBytes === undefined || totalBytes === undefined) known.push(PHASES[phase] ?? visible(phase));
  else {
    const percent =
      totalBytes === 0 ? 100 : Math.floor((Math.min(stagedBytes, totalBytes) / totalBytes) * 100);
    known.push(`${formatBytes(stagedBytes)} of ${formatBytes(totalBytes)} (${percent} %)`);
    if (phase !== 'copying') known.push(PHASES[phase] ?? visible(phase));
    else if (rate !== undefined && rate > 0) {
      known.push(`${formatBytes(rate)}/s`, `${formatDuration((totalBytes - stagedBytes) / rate)} left`);
    } else if (rate === 0 && waiting === undefined) known.push('no bytes for a while');
  }
  known.push(`since ${formatClock(Date.parse(run.startedAt))}`);
  return known;
}

/** @param {RunView} run */
function pendingItem(run) {
  const bar = element('progress', { 'aria-label': `Progress of ${spokenName(run.image)}` });
  const text = element('p', { class: 'run-facts' });
  const why = element('p', { class: 'run-why' });
  const head = element('div', { class: 'run-head' }, imageName(run.image));
  return { item: element('li', {}, head, bar, text, why), bar, facts: text, why };
}

export class FailedList {
  /** @type {Map<string, {item: HTMLLIElement, said: string, error: HTMLElement, facts: HTMLElement, button: HTMLButtonElement}>} */
  #items = new Map();
  #onRetry;

  /** @param {(run: RunView, button: HTMLButtonElement) => void} onRetry */
  constructor(onRetry) {
    this.#onRetry = onRetry;
  }

  /** @param {readonly RunView[]} runs */
  show(runs) {
    this.#items = new Map(runs.map((run) => [runKey(run), this.#items.get(runKey(run)) ?? this.#made(run)]));
    const now = Date.now();
    for (const run of runs) {
      const parts = this.#items.get(runKey(run));
      if (parts === undefined) continue;
      const { code = 'internal_error', detail = '' } = run.error ?? {};
      const text = JSON.stringify([code, detail]);
      if (parts.said !== text) {
        parts.said = text;
        parts.error.replaceChildren(
          element('span', { class: 'error-code' }, visible(code)),
          ` ${shortened(visible(detail))}`,
        );
      }
      setText(parts.facts, `${visible(run.platform)} · failed ${formatAgo(run.updatedAt, now)}`);
    }
    const list = byId('failed', HTMLElement);
    const hadFocus = list.contains(document.activeElement);
    setChildren(
      list,
      [...this.#items.values()].map(({ item }) => item),
    );
    list.hidden = runs.length === 0;
    byId('failed-empty', HTMLElement).hidden = runs.length > 0;
    setText(
      byId('failed-title', HTMLElement),
      runs.length === 0 ? 'Failed' : `Failed (${counted(runs.length, 'image')})`,
    );
    if (hadFocus && !list.contains(document.activeElement)) byId('failed-title', HTMLElement).focus();
  }

  /** @param {RunView} run */
  #made(run) {
    const button = element(
      'button',
      {
        type: 'button',
        class: 'small',
        'aria-label': `Try again: ${spokenName(run.image)} (${visible(run.platform)})`,
        click: () => this.#onRetry(run, button),
      },
      'Try again',
    );
    const error = element('p', { class: 'run-why' });
    const text = element('p', { class: 'run-facts' });
    const head = element('div', { class: 'run-head' }, imageName(run.image), button);
    return { item: element('li', {}, head, error, text), said: '', error, facts: text, button };
  }
}
