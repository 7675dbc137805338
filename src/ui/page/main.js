/** @import { ImageView } from '../../api/views.ts' */
/** @import { RunView, StatisticsView } from '../../api/operatorViews.ts' */
import { Catalogue } from './catalogue.js';
import { watchDialog } from './dialog.js';
import { announce, byId, element, setChildren, setText } from './dom.js';
import { confirmRemoval, ensure, showDetails } from './images.js';
import { spokenName } from './imageName.js';
import { drawFigures, drawPlot, lookupsOf } from './plot.js';
import { Polling } from './polling.js';
import { openPrune } from './prune.js';
import { FailedList, PendingList, runKey } from './runs.js';
import { call, forgetKey, hasKey, isKey, NotAllowed, Refused, SignInNeeded, useKey } from './service.js';
import { counted, formatBytes, formatClock, formatCount, formatDuration, visible } from './text.js';

/** Milliseconds. */
const WHILE_PENDING = 2_000;
const WHILE_IDLE = 30_000;
const STATISTICS_EVERY = 60_000;
/** A catalogue of several pages is asked for less often. */
const LARGE_CATALOGUE_EVERY = 300_000;
const CATALOGUE_PAGE = 1000;
const RUNS_LIMIT = 100;

const catalogue = new Catalogue(showDetails, (image, button) =>
  confirmRemoval(image, button, forgetImage, askForKey),
);
const pendingList = new PendingList();
const failedList = new FailedList((run, button) => void retry(run, button));
const polling = new Polling(refresh, couldNotRefresh);

/** @type {readonly ImageView[]} */
let images = [];
/** @type {readonly RunView[]} */
let pending = [];
/** @type {readonly RunView[]} */
let failed = [];
/** @type {StatisticsView | undefined} */
let statistics;
/** When what is shown was asked for last, in milliseconds; 0: at once. */
const asked = { catalogue: 0, failed: 0, statistics: 0 };
let answeredAt = 0;
let isDown = false;

/**
 * Asks for what is due: what is on its way each time, the rest now and then, and as soon as a run has ended.
 * @param {AbortSignal} signal
 */
async function refresh(signal) {
  const query = { state: 'pending', limit: String(RUNS_LIMIT) };
  /** @type {readonly RunView[]} */
  const now = (await call('GET', 'runs', { query, signal })).images;
  const still = new Set(now.map(runKey));
  const ended = pending.filter((run) => !still.has(runKey(run)));
  if (ended.length > 0) asked.catalogue = asked.failed = 0;
  pending = now;
  pendingList.show(pending, RUNS_LIMIT);
  cameBack();
  await Promise.all([refreshFailed(signal), refreshStatistics(signal), refreshCatalogue(signal)]);
  tellOfEnded(ended);
  catalogue.draw();
  drawTotals();
  answeredAt = Date.now();
  setText(byId('connection', HTMLElement), `Up to date at ${formatClock(answeredAt)}`);
  return pending.length > 0 ? WHILE_PENDING : WHILE_IDLE;
}

/**
 * @param {keyof typeof asked} what
 * @param {number} every milliseconds; what is due a moment later is due as well
 */
function isDue(what, every) {
  return Date.now() - asked[what] >= every - 500;
}

/** @param {AbortSignal} signal */
async function refreshFailed(signal) {
  if (!isDue('failed', WHILE_IDLE)) return;
  failed = (await call('GET', 'runs', { query: { state: 'failed', limit: String(RUNS_LIMIT) }, signal }))
    .images;
  asked.failed = Date.now();
  failedList.show(failed);
}

/** @param {AbortSignal} signal */
async function refreshStatistics(signal) {
  if (!isDue('statistics', STATISTICS_EVERY)) return;
  const days = byId('plot-days', HTMLSelectElement).value;
  statistics = await call('GET', 'statistics', { query: { days }, signal });
  asked.statistics = Date.now();
  if (statistics !== undefined) drawFigures(statistics);
  drawStatistics();
}

/** @param {AbortSignal} signal */
async function refreshCatalogue(signal) {
  if (!isDue('catalogue', images.length > CATALOGUE_PAGE ? LARGE_CATALOGUE_EVERY : WHILE_IDLE)) return;
  const isFirst = images.length === 0;
  /** @type {ImageView[]} */
  const all = [];
  let continuation = '';
  do {
    const query = { limit: String(CATALOGUE_PAGE), ...(continuation !== '' && { continuation }) };
    const page = await call('GET', 'images', { query, signal });
    all.push(...page.images);
    continuation = page.continuation ?? '';
    // Of the first time, what has come is shown while the rest is on its way.
    if (isFirst) catalogue.show(all, continuation === '');
  } while (continuation !== '');
  images = all;
  asked.catalogue = Date.now();
  catalogue.show(images, true);
}

/** @param {readonly RunView[]} ended */
function tellOfEnded(ended) {
  const lost = new Set(failed.map(({ requested, platform }) => `${requested} ${platform}`));
  const said = ended.map(({ image, requested, platform }) =>
    lost.has(`${requested} ${platform}`)
      ? `${spokenName(image)} failed.`
      : `${spokenName(image)} is no longer on its way.`,
  );
  if (said.length > 3) announce(`${said.length} images are no longer on their way.`);
  else if (said.length > 0) announce(said.join(' '));
}

function drawTotals() {
  const counts = (statistics?.series ?? []).map(lookupsOf);
  const served = counts.reduce((total, count) => total + count.served, 0);
  const lookups = counts.reduce((total, count) => total + count.served + count.unserved, 0);
  const days = byId('plot-days', HTMLSelectElement).value;
  const [amount = '', unit = ''] = formatBytes(images.reduce((total, { size = 0 }) => total + size, 0)).split(
    ' ',
  );
  /** @type {[string, string, string?][]} */
  const totals = [
    ['Cached images', formatCount(images.length)],
    ['Stored', amount, unit],
    ['On their way', formatCount(pending.length)],
    ['Failed', formatCount(failed.length)],
    [
      `Served, last ${days} days`,
      lookups === 0 ? '–' : (Math.floor((served / lookups) * 1000) / 10).toString(),
      lookups === 0 ? '' : `% of ${counted(lookups, 'lookup')}`,
    ],
  ];
  const list = byId('totals', HTMLElement);
  if (list.childElementCount !== totals.length)
    setChildren(
      list,
      totals.map(() =>
        element(
          'div',
          {},
          element('dt'),
          element('dd', {}, element('span'), element('span', { class: 'unit' })),
        ),
      ),
    );
  for (const [at, [label, value, of = '']] of totals.entries()) {
    const [term, definition] = list.children[at]?.children ?? [];
    if (term === undefined || definition === undefined) continue;
    setText(term, label);
    for (const [child, text] of [
      [definition.children[0], value],
      [definition.children[1], of === '' ? '' : ` ${of}`],
    ])
      if (child instanceof Element) setText(child, String(text));
  }
}

function drawStatistics() {
  const width = byId('plot', HTMLElement).clientWidth;
  if (statistics !== undefined && width > 0)
    drawPlot(statistics, Number(byId('plot-days', HTMLSelectElement).value), width, Date.now());
}

/**
 * @param {unknown} error
 * @param {number} waitMs
 */
function couldNotRefresh(error, waitMs) {
  if (error instanceof SignInNeeded || error instanceof NotAllowed) {
    askForKey(error);
    return false;
  }
  const why =
    error instanceof Refused
      ? visible(error.message)
      : error instanceof Error
        ? error.message
        : String(error);
  const old = answeredAt === 0 ? '' : ` What is shown here is from ${formatClock(answeredAt)}.`;
  const connection = byId('connection', HTMLElement);
  connection.classList.add('down');
  setText(connection, `No good answer; next try in ${formatDuration(waitMs / 1000)}`);
  // Said once, by its role; the header tells the rest.
  if (!isDown) {
    isDown = true;
    const outage = byId('outage', HTMLElement);
    outage.hidden = false;
    setText(outage, `Since ${formatClock(Date.now())}: ${why}${old}`);
  }
  byId('refresh', HTMLButtonElement).hidden = false;
  byId('forget', HTMLButtonElement).hidden = !hasKey();
  return true;
}

function cameBack() {
  const signIn = byId('sign-in', HTMLElement);
  const wasSignIn = !signIn.hidden;
  byId('content', HTMLElement).hidden = false;
  signIn.hidden = true;
  byId('refresh', HTMLButtonElement).hidden = false;
  byId('forget', HTMLButtonElement).hidden = !hasKey();
  byId('connection', HTMLElement).classList.remove('down');
  if (wasSignIn) {
    // What had the focus is hidden now.
    byId('main', HTMLElement).focus();
    announce('Signed in.');
  }
  if (!isDown) return;
  isDown = false;
  byId('outage', HTMLElement).hidden = true;
  announce('The service answers again.');
}

/** @param {SignInNeeded | NotAllowed} error */
function askForKey(error) {
  const reason =
    error instanceof NotAllowed
      ? 'You are signed in, but may not use this app. Ask whoever runs it for access, or use a function key.'
      : hasKey()
        ? 'The service does not take this key.'
        : 'The service wants to know who asks.';
  forgetKey();
  setText(byId('sign-in-reason', HTMLElement), reason);
  setText(byId('connection', HTMLElement), 'Not signed in');
  byId('content', HTMLElement).hidden = true;
  byId('outage', HTMLElement).hidden = true;
  byId('forget', HTMLButtonElement).hidden = true;
  byId('refresh', HTMLButtonElement).hidden = true;
  byId('sign-in', HTMLElement).hidden = false;
  byId('key', HTMLInputElement).focus();
  announce(reason);
}

/** @param {ImageView} image */
function forgetImage(image) {
  images = images.filter(({ blob }) => blob !== image.blob);
  if (image.blob !== undefined) catalogue.forget(image.blob);
  drawTotals();
}

/**
 * @param {RunView} run
 * @param {HTMLButtonElement} button
 */
async function retry(run, button) {
  button.disabled = true;
  const name = spokenName(run.image);
  try {
    const { state } = await ensure(run.requested, run.platform);
    failed = failed.filter((other) => runKey(other) !== runKey(run));
    failedList.show(failed);
    asked.failed = asked.catalogue = 0;
    announce(state === 'ready' ? `${name} is cached.` : `${name} is on its way again.`);
    byId('failed-title', HTMLElement).focus();
    polling.now();
  } catch (error) {
    if (error instanceof SignInNeeded || error instanceof NotAllowed) return askForKey(error);
    const { code, message } =
      error instanceof Refused ? error : { code: 'no_answer', message: String(error) };
    failed = failed.map((other) =>
      runKey(other) === runKey(run)
        ? /** @type {RunView} */ ({ ...other, error: { code, detail: message, retryable: true } })
        : other,
    );
    failedList.show(failed);
    announce(`${name} was refused: ${visible(message)}`);
    button.disabled = false;
    button.focus();
  }
}

async function add() {
  const image = byId('add-image', HTMLInputElement);
  const submit = byId('add-submit', HTMLButtonElement);
  const result = byId('add-result', HTMLElement);
  submit.disabled = true;
  result.className = 'result';
  setText(result, '');
  try {
    const view = await ensure(image.value.trim(), byId('add-platform', HTMLInputElement).value.trim());
    const name = `${spokenName(view.image)} (${visible(view.platform)})`;
    setText(result, view.state === 'ready' ? `${name} is cached already.` : `${name} is on its way.`);
    image.value = '';
    polling.now();
  } catch (error) {
    if (error instanceof SignInNeeded || error instanceof NotAllowed) return askForKey(error);
    result.className = 'result bad';
    setText(result, visible(error instanceof Error ? error.message : String(error)));
  } finally {
    submit.disabled = false;
  }
  image.focus();
}

function refreshAll() {
  asked.catalogue = asked.failed = asked.statistics = 0;
  polling.now();
}

/**
 * @param {string} id
 * @param {() => void} send
 */
function onSubmit(id, send) {
  byId(id, HTMLFormElement).addEventListener('submit', (event) => {
    event.preventDefault();
    send();
  });
}

watchDialog();
onSubmit('key-form', () => {
  const key = byId('key', HTMLInputElement);
  const text = key.value.trim();
  key.value = '';
  if (!isKey(text)) {
    const why = 'This is no function key: a key has letters, digits and signs of ASCII alone. Copy it again.';
    setText(byId('sign-in-reason', HTMLElement), why);
    announce(why);
    return;
  }
  useKey(text);
  refreshAll();
});
onSubmit('add-form', () => void add());
byId('refresh', HTMLButtonElement).addEventListener('click', refreshAll);
byId('forget', HTMLButtonElement).addEventListener('click', () => {
  polling.stop();
  forgetKey();
  // Nothing of what the key has opened stays in the page.
  location.reload();
});
byId('prune-open', HTMLButtonElement).addEventListener('click', () => void openPrune(refreshAll, askForKey));
byId('plot-days', HTMLSelectElement).addEventListener('change', () => {
  asked.statistics = 0;
  polling.now();
});
new ResizeObserver(drawStatistics).observe(byId('plot', HTMLElement));
polling.now();
