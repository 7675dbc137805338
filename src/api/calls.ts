import type { Call } from './call.ts';
import { IMAGE_CALLS } from './imageCalls.ts';
import { OPERATOR_CALLS } from './operatorCalls.ts';
import { MIRROR_CALLS, SERVICE_CALLS } from './serviceCalls.ts';

/** Every call of the HTTP interface. A function under src/functions/http that is not here fails a test. */
export const CALLS: readonly Call[] = [...IMAGE_CALLS, ...OPERATOR_CALLS, ...SERVICE_CALLS, ...MIRROR_CALLS];
