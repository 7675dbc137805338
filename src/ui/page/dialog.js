import { byId, element } from './dom.js';

/**
 * The page's one dialog. The browser keeps the focus in it; whoever closes it says where the focus goes, where what
 * opened it is gone.
 *
 * @typedef {{title: string, body: Node[], actions: HTMLButtonElement[], focus?: HTMLElement}} DialogContent
 */

/** @type {(() => void) | undefined} */
let whenClosed;
/** Which dialog is open: what belongs to one before must not appear in it. */
let latest = 0;

/**
 * @param {DialogContent} content
 * @param {() => void} [closed] called once, however the dialog is closed
 * @returns {number} for fillDialog
 */
export function openDialog(content, closed) {
  latest += 1;
  whenClosed = closed;
  const dialog = byId('dialog', HTMLDialogElement);
  if (!dialog.open) dialog.showModal();
  fillDialog(latest, content);
  return latest;
}

/**
 * Shows something else in a dialog, if it is still open.
 * @param {number} shown as openDialog gave it
 * @param {DialogContent} content
 */
export function fillDialog(shown, { title, body, actions, focus }) {
  if (shown !== latest || !byId('dialog', HTMLDialogElement).open) return;
  byId('dialog-title', HTMLElement).textContent = title;
  byId('dialog-body', HTMLElement).replaceChildren(...body);
  byId('dialog-actions', HTMLElement).replaceChildren(...actions);
  (focus ?? byId('dialog-title', HTMLElement)).focus();
}

export function closeDialog() {
  byId('dialog', HTMLDialogElement).close();
}

/** @param {string} [text] */
export function closeButton(text = 'Close') {
  return element('button', { type: 'button', click: closeDialog }, text);
}

export function watchDialog() {
  const dialog = byId('dialog', HTMLDialogElement);
  dialog.addEventListener('close', () => {
    const closed = whenClosed;
    whenClosed = undefined;
    closed?.();
  });
}
