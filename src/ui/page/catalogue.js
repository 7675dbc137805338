/** @import { ImageView } from '../../api/views.ts' */
import { byId, element, setChildren, setText } from './dom.js';
import { imageName, spokenName } from './imageName.js';
import {
  counted,
  formatAgo,
  formatBytes,
  formatCount,
  formatDate,
  formatDateTime,
  formatDuration,
  imageParts,
  dateTimeOf,
  visible,
} from './text.js';

/**
 * The table of what is cached: filtered, sorted, and a hundred rows at a time, so that ten thousand images are as quick
 * as ten.
 */

const PAGE_ROWS = 100;

/** @type {readonly {key: string, label: string, className: string, value: (image: ImageView) => string | number}[]} */
const COLUMNS = [
  { key: 'image', label: 'Image', className: '', value: ({ image }) => imageParts(image).name + image },
  { key: 'platform', label: 'Platform', className: 'platform', value: ({ platform }) => platform },
  { key: 'size', label: 'Size', className: 'size number', value: ({ size = 0 }) => size },
  { key: 'lastUsed', label: 'Last used', className: 'used', value: ({ lastUsed = '' }) => lastUsed },
  {
    key: 'pruneAfter',
    label: 'Pruned if unused',
    className: 'pruned',
    value: ({ pruneAfter = '' }) => pruneAfter,
  },
];

export class Catalogue {
  #images = /** @type {readonly ImageView[]} */ ([]);
  /** @type {readonly ImageView[]} */
  #shown = [];
  #sortKey = 'lastUsed';
  #isDescending = true;
  #filter = '';
  #page = 0;
  #isComplete = false;
  /** @type {Map<string, {text: string, row: HTMLTableRowElement}>} rows by blob, with what they were made of */
  #rows = new Map();
  #body = element('tbody', { role: 'rowgroup' });
  /** @type {HTMLTableCellElement[]} */
  #headers = [];
  #onDetails;
  #onRemove;

  /**
   * @param {(image: ImageView) => void} onDetails
   * @param {(image: ImageView, button: HTMLButtonElement) => void} onRemove
   */
  constructor(onDetails, onRemove) {
    this.#onDetails = onDetails;
    this.#onRemove = onRemove;
    const table = byId('catalogue', HTMLTableElement);
    this.#headers = COLUMNS.map(({ key, label, className }) =>
      element(
        'th',
        { scope: 'col', role: 'columnheader', class: className, 'data-key': key },
        element('button', { type: 'button', click: () => this.#sortBy(key) }, label),
      ),
    );
    const action = element(
      'th',
      { scope: 'col', role: 'columnheader', class: 'action' },
      element('span', { class: 'unseen' }, 'Action'),
    );
    const head = element(
      'thead',
      { role: 'rowgroup' },
      element('tr', { role: 'row' }, ...this.#headers, action),
    );
    table.append(head, this.#body);

    const sort = byId('sort', HTMLSelectElement);
    for (const { key, label } of COLUMNS)
      for (const [direction, arrow] of [
        ['ascending', '↑'],
        ['descending', '↓'],
      ])
        sort.append(element('option', { value: `${key} ${direction}` }, `${label} ${arrow}`));
    sort.addEventListener('change', () => {
      const [key = '', direction] = sort.value.split(' ');
      this.#sortKey = key;
      this.#isDescending = direction === 'descending';
      this.#arrange();
    });
    const filter = byId('filter', HTMLInputElement);
    filter.addEventListener('input', () => {
      this.#filter = filter.value.trim().toLowerCase();
      this.#page = 0;
      this.#arrange();
    });
    byId('page-previous', HTMLButtonElement).addEventListener('click', () => this.#turn(-1));
    byId('page-next', HTMLButtonElement).addEventListener('click', () => this.#turn(1));
  }

  /**
   * @param {readonly ImageView[]} images
   * @param {boolean} isComplete false while more of them are on their way
   */
  show(images, isComplete) {
    this.#images = images;
    this.#isComplete = isComplete;
    this.#arrange();
  }

  /** @param {string} blob of an image that was removed */
  forget(blob) {
    this.show(
      this.#images.filter((image) => image.blob !== blob),
      this.#isComplete,
    );
  }

  /** @param {string} key */
  #sortBy(key) {
    this.#isDescending = this.#sortKey === key ? !this.#isDescending : key === 'size' || key === 'lastUsed';
    this.#sortKey = key;
    this.#page = 0;
    this.#arrange();
  }

  /** @param {number} by */
  #turn(by) {
    this.#page += by;
    this.#arrange();
    byId('catalogue-title', HTMLElement).focus();
  }

  #arrange() {
    const { value } =
      COLUMNS.find(({ key }) => key === this.#sortKey) ?? /** @type {(typeof COLUMNS)[0]} */ (COLUMNS[0]);
    const sign = this.#isDescending ? -1 : 1;
    const words = this.#filter.split(/\s+/).filter((word) => word !== '');
    this.#shown = this.#images
      .filter((image) => {
        const text = `${image.image} ${image.platform} ${image.manifestDigest ?? ''}`.toLowerCase();
        return words.every((word) => text.includes(word));
      })
      .map((image) => ({ image, by: value(image) }))
      .sort((a, b) => (a.by < b.by ? -sign : a.by > b.by ? sign : 0))
      .map(({ image }) => image);
    this.draw();
  }

  draw() {
    const pages = Math.max(1, Math.ceil(this.#shown.length / PAGE_ROWS));
    this.#page = Math.min(Math.max(0, this.#page), pages - 1);
    const now = Date.now();
    const page = this.#shown.slice(this.#page * PAGE_ROWS, (this.#page + 1) * PAGE_ROWS);
    const rows = page.map((image) => this.#row(image, now));
    this.#rows = new Map(page.map((image, at) => [image.blob ?? '', /** @type {any} */ (rows[at])]));
    setChildren(
      this.#body,
      rows.map(({ row }) => row),
    );
    for (const header of this.#headers) {
      const isSorted = header.dataset.key === this.#sortKey;
      if (isSorted) header.setAttribute('aria-sort', this.#isDescending ? 'descending' : 'ascending');
      else header.removeAttribute('aria-sort');
    }
    byId('sort', HTMLSelectElement).value =
      `${this.#sortKey} ${this.#isDescending ? 'descending' : 'ascending'}`;
    this.#drawCounts(pages);
  }

  /** @param {number} pages */
  #drawCounts(pages) {
    const [all, shown] = [this.#images.length, this.#shown.length];
    const bytes = this.#shown.reduce((total, { size = 0 }) => total + size, 0);
    const of = shown === all ? counted(all, 'image') : `${formatCount(shown)} of ${counted(all, 'image')}`;
    const count = all === 0 ? '' : `${of} · ${formatBytes(bytes)}`;
    setText(
      byId('catalogue-count', HTMLElement),
      this.#isComplete ? count : `${count === '' ? 'Loading' : count}…`,
    );
    byId('catalogue', HTMLTableElement).hidden = shown === 0;
    const empty = byId('catalogue-empty', HTMLElement);
    empty.hidden = shown > 0 || !this.#isComplete;
    setText(empty, all === 0 ? 'Nothing is cached yet. Add an image above.' : 'No image matches the filter.');
    byId('pager', HTMLElement).hidden = pages === 1;
    setText(byId('page-label', HTMLElement), `Page ${formatCount(this.#page + 1)} of ${formatCount(pages)}`);
    byId('page-previous', HTMLButtonElement).disabled = this.#page === 0;
    byId('page-next', HTMLButtonElement).disabled = this.#page === pages - 1;
  }

  /**
   * The row that is there, where it would look the same.
   * @param {ImageView} image
   * @param {number} now
   */
  #row(image, now) {
    const used = formatAgo(image.lastUsed, now);
    const left = (Date.parse(image.pruneAfter ?? '') - now) / 1000;
    const pruned = Number.isNaN(left) ? '' : left <= 0 ? 'next prune' : `in ${formatDuration(left)}`;
    const text = JSON.stringify([image, used, pruned]);
    const before = this.#rows.get(image.blob ?? '');
    if (before?.text === text) return before;

    const name = spokenName(image.image);
    /** @param {string} className @param {string} label @param {...(Node | string)} children */
    const cell = (className, label, ...children) =>
      element('td', { role: 'cell', class: className, 'data-label': label }, ...children);
    const remove = element(
      'button',
      {
        type: 'button',
        class: 'small',
        'aria-label': `Remove ${name} (${visible(image.platform)})`,
        click: () => this.#onRemove(image, remove),
      },
      'Remove',
    );
    const row = element(
      'tr',
      { role: 'row' },
      cell(
        '',
        'Image',
        element(
          'button',
          {
            type: 'button',
            class: 'name-button',
            'aria-haspopup': 'dialog',
            click: () => this.#onDetails(image),
          },
          imageName(image.image, image.manifestDigest),
        ),
        ...(image.notes === undefined
          ? []
          : [element('div', { class: 'sub' }, visible(image.notes.join(' ')))]),
      ),
      cell('platform', 'Platform', visible(image.platform)),
      cell('size number', 'Size', formatBytes(image.size ?? 0)),
      cell(
        'used',
        'Last used',
        element(
          'time',
          { datetime: dateTimeOf(image.lastUsed), title: formatDateTime(image.lastUsed) },
          used,
        ),
      ),
      cell(
        'pruned',
        'Pruned if unused',
        element(
          'span',
          {},
          element(
            'time',
            {
              datetime: dateTimeOf(image.pruneAfter),
              class: left <= 0 ? 'due' : '',
              title: formatDateTime(image.pruneAfter),
            },
            pruned,
          ),
          ' ',
          element('span', { class: 'sub' }, formatDate(image.pruneAfter)),
        ),
      ),
      cell('action', '', remove),
    );
    return { text, row };
  }
}
