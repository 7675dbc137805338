/** @import { PruneView } from '../../api/operatorViews.ts' */
import { closeButton, closeDialog, fillDialog, openDialog } from './dialog.js';
import { announce, byId, element } from './dom.js';
import { imageName } from './imageName.js';
import { call, NotAllowed, SignInNeeded } from './service.js';
import { counted, formatBytes, visible } from './text.js';

/** What prune would delete, then, once that is confirmed, prune itself. */

/** More rows than anybody reads. */
const MAX_ROWS = 500;

/**
 * @param {() => void} pruned
 * @param {(error: SignInNeeded | NotAllowed) => void} askForKey
 */
export async function openPrune(pruned, askForKey) {
  const opener = byId('prune-open', HTMLButtonElement);
  const stop = new AbortController();
  const working = element('p', { role: 'status' }, 'Looking at what is due…');
  const shown = openDialog({ title: 'Prune', body: [working], actions: [closeButton('Cancel')] }, () => {
    stop.abort();
    opener.focus();
  });
  await inDialog(shown, askForKey, async () => {
    /** @type {PruneView} */
    const plan = await call('POST', 'prune', { query: { dryRun: 'true' }, signal: stop.signal });
    if (plan.prunedCount === 0) {
      const none = element('p', {}, `Nothing is due: prune would keep ${counted(plan.kept, 'image')}.`);
      fillDialog(shown, { title: 'Nothing to prune', body: [none], actions: [closeButton()] });
      return;
    }
    const go = element(
      'button',
      { type: 'button', class: 'danger', click: () => confirmPrune(shown, plan, pruned, askForKey) },
      'Prune now…',
    );
    const lead = element('p', {}, `Prune would delete ${amount(plan)}, and keep ${plan.kept}.`);
    fillDialog(shown, {
      title: 'What prune would delete',
      body: [lead, prunedTable(plan)],
      actions: [closeButton(), go],
    });
  });
}

/**
 * @param {number} shown the dialog
 * @param {PruneView} plan
 * @param {() => void} pruned
 * @param {(error: SignInNeeded | NotAllowed) => void} askForKey
 */
function confirmPrune(shown, plan, pruned, askForKey) {
  const cancel = closeButton('Cancel');
  const go = element('button', { type: 'button', class: 'danger' }, `Delete ${amount(plan)}`);
  go.addEventListener('click', () => {
    const working = element('p', { role: 'status' }, 'Pruning…');
    fillDialog(shown, { title: 'Pruning', body: [working], actions: [closeButton('Leave it to it')] });
    void inDialog(shown, askForKey, async () => {
      /** @type {PruneView} */
      const done = await call('POST', 'prune');
      pruned();
      const said = `${amount(done)} deleted, ${done.kept} kept.`;
      const held =
        done.held.length === 0
          ? []
          : [
              element(
                'p',
                {},
                `Held by a lease, a legal hold or a policy of the account: ${done.held.map(({ blob }) => visible(blob)).join(', ')}.`,
              ),
            ];
      const failed =
        done.failedCount === 0
          ? []
          : [
              element(
                'p',
                {},
                `${counted(done.failedCount, 'image')} could not be deleted, ${visible(done.failed[0]?.image ?? '')} for one: ${visible(done.failed[0]?.detail ?? '')}`,
              ),
            ];
      const rest = done.complete
        ? []
        : [
            element(
              'p',
              {},
              'Time was up before all of it was done. Prune again, or leave the rest to the timer.',
            ),
          ];
      announce(said);
      fillDialog(shown, {
        title: 'Pruned',
        body: [element('p', {}, said), ...held, ...failed, ...rest],
        actions: [closeButton()],
      });
    });
  });
  const question = element(
    'p',
    {},
    'What is due at that moment is deleted; what a node uses until then stays. This cannot be undone.',
  );
  fillDialog(shown, {
    title: `Delete ${amount(plan)}?`,
    body: [question],
    actions: [cancel, go],
    focus: cancel,
  });
}

/** @param {PruneView} plan */
function amount({ prunedCount, bytes }) {
  return `${counted(prunedCount, 'image')} (${formatBytes(bytes)})`;
}

/** @param {PruneView} plan */
function prunedTable({ pruned, prunedCount }) {
  const rows = pruned
    .toSorted((a, b) => b.size - a.size)
    .slice(0, MAX_ROWS)
    .map(({ image, size, reason }) =>
      element(
        'tr',
        {},
        element('th', { scope: 'row' }, imageName(image), element('div', { class: 'sub' }, visible(reason))),
        element('td', { class: 'number' }, formatBytes(size)),
      ),
    );
  const table = element(
    'table',
    { class: 'figures due-images' },
    element('caption', { class: 'unseen' }, 'Images that are due, largest first'),
    element(
      'thead',
      {},
      element(
        'tr',
        {},
        element('th', { scope: 'col' }, 'Image and reason'),
        element('th', { scope: 'col', class: 'number' }, 'Size'),
      ),
    ),
    element('tbody', {}, ...rows),
  );
  const scroll = element(
    'div',
    { class: 'scroll', role: 'region', 'aria-label': 'Images that are due', tabindex: '0' },
    table,
  );
  if (prunedCount <= MAX_ROWS) return scroll;
  const note =
    prunedCount > pruned.length
      ? `${MAX_ROWS} of ${prunedCount} are shown.`
      : `The largest ${MAX_ROWS} are shown.`;
  return element('div', {}, scroll, element('p', { class: 'note' }, note));
}

/**
 * Shows what goes wrong in the dialog.
 * @param {number} shown the dialog
 * @param {(error: SignInNeeded | NotAllowed) => void} askForKey
 * @param {() => Promise<void>} work
 */
async function inDialog(shown, askForKey, work) {
  try {
    await work();
  } catch (error) {
    if (error instanceof Error && error.name === 'AbortError') return;
    if (error instanceof SignInNeeded || error instanceof NotAllowed) {
      closeDialog();
      return askForKey(error);
    }
    const text = visible(error instanceof Error ? error.message : String(error));
    fillDialog(shown, {
      title: 'That did not work',
      body: [element('p', { class: 'bad' }, text)],
      actions: [closeButton()],
    });
  }
}
