/** @import { ImageView } from '../../api/views.ts' */
import { closeButton, closeDialog, openDialog } from './dialog.js';
import { announce, byId, element } from './dom.js';
import { imageName, spokenName } from './imageName.js';
import { call, NotAllowed, SignInNeeded } from './service.js';
import { formatBytes, formatDateTime, imageParts, visible } from './text.js';

/** What an operator does with one image. */

/**
 * @param {string} image
 * @param {string} platform the service's default where it is empty
 * @returns {Promise<ImageView>}
 */
export function ensure(image, platform) {
  return call('POST', 'images', { body: { image, ...(platform !== '' && { platform }) } });
}

/** @param {ImageView} image */
export function showDetails(image) {
  /** @type {[string, string | undefined, boolean?][]} */
  const facts = [
    ['Platform', image.platform],
    ['Size', `${formatBytes(image.size ?? 0)} (${image.size ?? 0} bytes)`],
    ['Cached', formatDateTime(image.createdAt)],
    ['Last used', formatDateTime(image.lastUsed)],
    [
      'Pruned if unused',
      `by the first prune after ${formatDateTime(image.pruneAfter)}, unless it is used before`,
    ],
    ['Reference', image.image, true],
    ['Manifest', image.manifestDigest, true],
    ['Index', image.indexDigest, true],
    ['Config', image.imageId, true],
    ['Runs as', image.runRef, true],
    ['Blob', image.blob, true],
    ['Notes', image.notes?.join(' ')],
  ];
  const list = element('dl', { class: 'facts' });
  for (const [label, text, isMono] of facts)
    if (text !== undefined)
      list.append(
        element('dt', {}, label),
        element('dd', { class: isMono === true ? 'mono' : '' }, element('bdi', {}, visible(text))),
      );
  openDialog({ title: spokenName(image.image), body: [list], actions: [closeButton()] });
}

/**
 * Asks, and removes.
 * @param {ImageView} image
 * @param {HTMLButtonElement} button that was pressed; it is gone where the image is
 * @param {(image: ImageView) => void} removed
 * @param {(error: SignInNeeded | NotAllowed) => void} askForKey
 */
export function confirmRemoval(image, button, removed, askForKey) {
  const name = spokenName(image.image);
  const { full } = imageParts(image.image);
  const failure = element('p', { class: 'bad', role: 'alert' });
  const cancel = closeButton('Cancel');
  const remove = element('button', { type: 'button', class: 'danger' }, 'Remove');
  remove.addEventListener('click', async () => {
    remove.disabled = true;
    failure.textContent = '';
    try {
      // By its digest: the tag may stand for another by now.
      await call('DELETE', 'images', {
        query: { image: `${full}@${image.manifestDigest ?? ''}`, platform: image.platform },
      });
      removed(image);
      announce(`${name} was removed.`);
      closeDialog();
    } catch (error) {
      if (error instanceof SignInNeeded || error instanceof NotAllowed) {
        closeDialog();
        return askForKey(error);
      }
      failure.textContent = visible(error instanceof Error ? error.message : String(error));
      remove.disabled = false;
      remove.focus();
    }
  });
  const question = element(
    'p',
    {},
    'The archive of ',
    imageName(image.image, image.manifestDigest),
    ` (${visible(image.platform)}, ${formatBytes(image.size ?? 0)}) is deleted from storage. A node that is downloading it has to ask again.`,
  );
  openDialog(
    { title: `Remove ${name}?`, body: [question, failure], actions: [cancel, remove], focus: cancel },
    () => {
      const target = button.isConnected ? button : byId('catalogue-title', HTMLElement);
      target.focus();
    },
  );
}
