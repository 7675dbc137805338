/** @import { StatisticsPoint, StatisticsView } from '../../api/operatorViews.ts' */
import { byId, element, setChildren, svgElement } from './dom.js';
import { formatBytes, formatCount, formatDate, formatDateTime } from './text.js';

/** The store's size as a curve and lookups as bars over the same time, and the same figures as a table. */

const SIZE = { top: 22, height: 92 };
const BARS = { top: 148, height: 66 };
const HEIGHT = 236;
const LEFT = 62;
const RIGHT = 8;
const DAY_MS = 24 * 3600 * 1000;

/** @param {StatisticsPoint} point */
export function lookupsOf({ hits = 0, stale = 0, pending = 0, misses = 0, failed = 0 }) {
  return { served: hits + stale, unserved: pending + misses + failed };
}

/**
 * @param {StatisticsView} statistics
 * @param {number} days
 * @param {number} width pixels
 * @param {number} now milliseconds
 */
export function drawPlot({ now: size, series }, days, width, now) {
  const from = now - days * DAY_MS;
  const inner = Math.max(60, width - LEFT - RIGHT);
  /** @param {number} time */
  const x = (time) => LEFT + Math.min(1, Math.max(0, (time - from) / (now - from))) * inner;
  const measured = series.flatMap(({ time, bytes }) =>
    bytes === undefined ? [] : [{ at: Date.parse(time), bytes }],
  );
  measured.push({ at: now, bytes: size.bytes });
  const mostBytes = niceCeiling(Math.max(1, ...measured.map(({ bytes }) => bytes)), 1024);
  const counts = series.map((point) => ({ at: Date.parse(point.time), ...lookupsOf(point) }));
  const mostLookups = niceCeiling(
    Math.max(1, ...counts.map(({ served, unserved }) => served + unserved)),
    1000,
  );
  const barWidth = Math.max(
    2,
    Math.min(18, (inner / (days <= 2 ? days * 24 : days <= 14 ? days * 4 : days)) * 0.7),
  );
  const [served, unserved] = [sumOf(counts, 'served'), sumOf(counts, 'unserved')];

  const title = `Store size and lookups over the last ${days} days`;
  const description =
    `The store holds ${formatBytes(size.bytes)} now; it held ${formatBytes(measured[0]?.bytes ?? 0)} when it was first measured in this time. ` +
    `${formatCount(served)} lookups were served from the cache, ${formatCount(unserved)} were not.`;
  const svg = svgElement(
    'svg',
    {
      role: 'img',
      'aria-labelledby': 'plot-name plot-description',
      viewBox: `0 0 ${width} ${HEIGHT}`,
      height: String(HEIGHT),
    },
    svgElement('title', { id: 'plot-name' }, title),
    svgElement('desc', { id: 'plot-description' }, description),
    ...panel(SIZE, 'Store size', [formatBytes(mostBytes), '0'], width),
    ...curve(
      measured.map(({ at, bytes }) => ({ x: x(at), y: SIZE.top + SIZE.height * (1 - bytes / mostBytes) })),
    ),
    ...panel(BARS, 'Lookups', [formatCount(mostLookups), '0'], width),
    ...legend(width),
    ...counts.flatMap((count) => bar(count, x(count.at), barWidth, mostLookups, width)),
    svgElement('text', { x: String(LEFT), y: String(HEIGHT - 4) }, formatDate(new Date(from).toISOString())),
    svgElement('text', { x: String(width - RIGHT), y: String(HEIGHT - 4), 'text-anchor': 'end' }, 'now'),
  );
  setChildren(byId('plot', HTMLElement), [svg]);
}

/** @param {StatisticsView} statistics */
export function drawFigures({ series }) {
  const heads = ['From', 'Store size', 'Images', 'Served', 'Not served'];
  const rows = series.toReversed().map((point) => {
    const { served, unserved } = lookupsOf(point);
    const cells = [
      point.bytes === undefined ? '' : formatBytes(point.bytes),
      point.images === undefined ? '' : formatCount(point.images),
      formatCount(served),
      formatCount(unserved),
    ];
    return element(
      'tr',
      {},
      element('th', { scope: 'row' }, formatDateTime(point.time)),
      ...cells.map((text) => element('td', { class: 'number' }, text)),
    );
  });
  setChildren(byId('plot-table', HTMLTableElement), [
    element('caption', { class: 'unseen' }, 'Store size and lookups, newest first'),
    element(
      'thead',
      {},
      element(
        'tr',
        {},
        ...heads.map((text, at) => element('th', { scope: 'col', class: at === 0 ? '' : 'number' }, text)),
      ),
    ),
    element('tbody', {}, ...rows),
  ]);
}

/**
 * @param {{top: number, height: number}} place
 * @param {string} title
 * @param {[most: string, least: string]} labels
 * @param {number} width
 */
function panel({ top, height }, title, labels, width) {
  return [
    svgElement('text', { class: 'panel-title', x: '0', y: String(top - 10) }, title),
    ...[top, top + height].flatMap((y, at) => [
      svgElement('line', {
        class: 'grid',
        x1: String(LEFT),
        x2: String(width - RIGHT),
        y1: String(y),
        y2: String(y),
      }),
      svgElement('text', { x: String(LEFT - 6), y: String(y + 4), 'text-anchor': 'end' }, labels[at]),
    ]),
  ];
}

/** @param {readonly {x: number, y: number}[]} points */
function curve(points) {
  const path = points.map(({ x, y }) => `${x.toFixed(1)} ${y.toFixed(1)}`).join('L');
  const [first, last] = [points[0], points.at(-1)];
  if (first === undefined || last === undefined) return [];
  const floor = SIZE.top + SIZE.height;
  return [
    svgElement('path', {
      class: 'area',
      d: `M${first.x.toFixed(1)} ${floor}L${path}L${last.x.toFixed(1)} ${floor}Z`,
    }),
    svgElement('path', { class: 'curve', d: `M${path}` }),
    svgElement('circle', { class: 'dot', cx: last.x.toFixed(1), cy: last.y.toFixed(1), r: '3' }),
  ];
}

/** @param {number} width */
function legend(width) {
  const y = BARS.top - 10;
  /** @param {number} x @param {string} className @param {string} text */
  const entry = (x, className, text) => [
    svgElement('rect', {
      class: className,
      x: String(x),
      y: String(y - 8),
      width: '9',
      height: '9',
      rx: '1.5',
    }),
    svgElement('text', { x: String(x + 13), y: String(y) }, text),
  ];
  return [
    ...entry(width - RIGHT - 138, 'served', 'served'),
    ...entry(width - RIGHT - 74, 'unserved', 'not served'),
  ];
}

/**
 * @param {{served: number, unserved: number}} count
 * @param {number} start where its interval begins
 * @param {number} barWidth
 * @param {number} most
 * @param {number} width
 */
function bar({ served, unserved }, start, barWidth, most, width) {
  const left = Math.min(start, width - RIGHT - barWidth).toFixed(1);
  const floor = BARS.top + BARS.height;
  const [low, high] = [(served / most) * BARS.height, (unserved / most) * BARS.height];
  /** @param {string} className @param {number} y @param {number} height */
  const rect = (className, y, height) =>
    svgElement('rect', {
      class: className,
      x: left,
      y: y.toFixed(1),
      width: barWidth.toFixed(1),
      height: height.toFixed(1),
    });
  return [
    ...(served > 0 ? [rect('served', floor - low, low)] : []),
    ...(unserved > 0 ? [rect('unserved', floor - low - high, high)] : []),
  ];
}

/**
 * The next 1, 2, 2.5 or 5 times a power of ten of the unit that fits.
 * @param {number} value
 * @param {number} base of the units: 1024 for bytes
 */
function niceCeiling(value, base) {
  const unit = base ** Math.max(0, Math.floor(Math.log(value) / Math.log(base)));
  const power = 10 ** Math.floor(Math.log10(value / unit));
  const factor = [1, 2, 2.5, 5, 10].find((step) => step * power * unit >= value) ?? 10;
  return factor * power * unit;
}

/**
 * @param {readonly {served: number, unserved: number}[]} counts
 * @param {'served' | 'unserved'} which
 */
function sumOf(counts, which) {
  return counts.reduce((total, count) => total + count[which], 0);
}
