import { element } from './dom.js';
import { imageParts, shortDigest, visible } from './text.js';

/**
 * An image's name, tag and digest, each isolated, however long and whatever is in it.
 * @param {string} image canonical
 * @param {string} [digest] instead of the reference's own
 */
export function imageName(image, digest) {
  const parts = imageParts(image);
  const shown = digest ?? parts.digest;
  return element(
    'span',
    { class: 'clamped', title: visible(image) },
    element('bdi', { class: 'image-name' }, visible(parts.name)),
    parts.tag !== '' && element('bdi', { class: 'tag' }, `:${visible(parts.tag)}`),
    parts.tag === '' &&
      shown !== '' &&
      element('bdi', { class: 'digest' }, ` ${shortDigest(visible(shown))}`),
  );
}

/**
 * How an image is called in a sentence.
 * @param {string} image canonical
 */
export function spokenName(image) {
  const { name, tag, digest } = imageParts(image);
  return visible(tag === '' ? `${name}@${shortDigest(digest)}` : `${name}:${tag}`);
}
