/** The actions an orchestrator asks for, as durable-functions sends them (its lib/src/actions/). */
import type { Json } from '../worker/typedData.ts';

export const ActionType = {
  CallActivity: 0,
  CallActivityWithRetry: 1,
  CallSubOrchestrator: 2,
  CallSubOrchestratorWithRetry: 3,
  ContinueAsNew: 4,
  CreateTimer: 5,
  WaitForExternalEvent: 6,
  WhenAny: 11,
  WhenAll: 12,
} as const;

export interface RetryOptions {
  readonly firstRetryIntervalInMilliseconds: number;
  readonly maxNumberOfAttempts: number;
  readonly backoffCoefficient?: number;
  readonly maxRetryIntervalInMilliseconds?: number;
  /** Refused: what the real host does when it has run out is not recorded. */
  readonly retryTimeoutInMilliseconds?: number;
}

export interface CallAction {
  readonly actionType: 0 | 1 | 2 | 3;
  readonly functionName: string;
  readonly input?: Json;
  readonly instanceId?: string;
  readonly retryOptions?: RetryOptions;
}

export type Action =
  | CallAction
  | { readonly actionType: 4; readonly input?: Json }
  | { readonly actionType: 5; readonly fireAt: string; readonly isCanceled: boolean }
  | { readonly actionType: 6; readonly externalEventName: string }
  | { readonly actionType: 11 | 12; readonly compoundActions: readonly Action[] };

const UNSUPPORTED: Readonly<Record<number, string>> = {
  7: 'callEntity',
  8: 'callHttp',
  9: 'signalEntity',
  13: 'lock',
  14: 'lock',
};

/** What the host was told by one turn. `isDone` is true also for continueAsNew. */
export interface Outcome {
  readonly isDone: boolean;
  readonly actions: readonly Action[];
  readonly output?: Json;
  readonly error?: string;
  readonly customStatus?: Json;
}

/** Longer timers are cut into pieces of three days by both sides; setTimeout cannot wait for them either. */
const MAX_TIMER_MS = 6 * 24 * 60 * 60 * 1000;

/** The name of the first thing asked for that the local host does not have. `now` in ms. */
export function firstUnsupported(actions: readonly Action[], now: number): string | undefined {
  for (const action of actions) {
    if ('compoundActions' in action) {
      const inside = firstUnsupported(action.compoundActions, now);
      if (inside !== undefined) return inside;
    }
    if (action.actionType === ActionType.CreateTimer && Date.parse(action.fireAt) - now > MAX_TIMER_MS) {
      return 'createTimer for more than six days';
    }
    if ('retryOptions' in action && action.retryOptions.retryTimeoutInMilliseconds !== undefined) {
      return 'retryTimeoutInMilliseconds';
    }
    const name = UNSUPPORTED[action.actionType];
    if (name !== undefined) return name;
  }
  return undefined;
}

/** The state an orchestrator returned, or carried in the message of the error it threw. */
export function readOutcome(stateJson: string): Outcome {
  const state = JSON.parse(stateJson) as Omit<Outcome, 'actions'> & { readonly actions: readonly Action[][] };
  return { ...state, actions: state.actions.flat() };
}
