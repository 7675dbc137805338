/** What one request may ask for. docs/http.md names each, and a test holds the page against them. */

/** Of a request's body. No request of this service needs more. */
export const MAX_BODY_BYTES = 256 * 1024;

/** Of a request's URL, its query included. What is longer than this the platform may refuse by itself. */
export const MAX_URL_CHARACTERS = 8192;

/** Images of one `POST /api/images`. */
export const MAX_IMAGES = 100;

/** Images of one page of the catalogue. */
export const PAGE_SIZE = { least: 1, most: 1000, fallback: 100 };

/** The longest a lookup waits for a pending image, in seconds; the platform cuts a request off at 230 s. */
export const MAX_WAIT_SECONDS = 120;

/** Images of one `GET /api/runs`. */
export const RUNS_LIMIT = { least: 1, most: 200, fallback: 100 };

/** How far back `GET /api/statistics` goes, in days. No further than what is kept: KEPT_DAYS of the store. */
export const STATISTICS_DAYS = { least: 1, most: 90, fallback: 30 };
