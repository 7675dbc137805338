/**
 * How the host carries out an orchestrator's actions. It is told them all again, in order, after every turn,
 * and awaits each before it begins the next; so a failed Task.all is waited for to its end, and task ids
 * are given in the order things begin. Both sides count ids for themselves; they agree because each turn
 * brings one completion. Behaviour after OutOfProcOrchestrationShim.cs of the durable extension.
 */
import { ActionType } from './actions.ts';
import type { Action, CallAction, RetryOptions } from './actions.ts';
import { EventType } from './history.ts';
import type { HistoryEvent } from './history.ts';
import type { Json } from '../worker/typedData.ts';

export type Command =
  | {
      readonly kind: 'activity';
      readonly id: number;
      readonly name: string;
      readonly input: Json | undefined;
    }
  | {
      readonly kind: 'subOrchestration';
      readonly id: number;
      readonly name: string;
      readonly instanceId: string | undefined;
      readonly input: Json | undefined;
    }
  | { readonly kind: 'timer'; readonly id: number; readonly fireAt: string };

/** One action that has begun. */
interface Step {
  isComplete(): boolean;
  /** The same action as the orchestrator sees it now: a timer may have been cancelled since. */
  refresh?(action: Action): void;
}

/** Something with a task id that has not ended yet. */
interface OpenTask {
  readonly isAwaited: () => boolean;
  end(failed: boolean): void;
}

export class Script {
  readonly #steps: Step[] = [];
  readonly #open = new Map<number, OpenTask>();
  readonly #waits = new Map<string, (() => void)[]>();
  readonly #earlyEvents = new Map<string, number>();
  #commands: Command[] = [];
  #nextId = 0;
  #now = 0;
  #asked = 0;
  /** The input for the next execution, once continueAsNew was reached. */
  continueAsNew: { readonly input: Json | undefined } | undefined;

  /** Everything asked for has ended, cancelled timers apart. */
  get isFinished(): boolean {
    const stillAwaited = [...this.#open.values()].some((task) => task.isAwaited());
    return (
      this.#steps.length === this.#asked && this.#steps.every((step) => step.isComplete()) && !stillAwaited
    );
  }

  /** Takes in an event that arrived; the commands are what it makes due (a retry). */
  settle(event: HistoryEvent, now: number): Command[] {
    this.#now = now;
    switch (event.EventType) {
      case EventType.TaskCompleted:
      case EventType.SubOrchestrationInstanceCompleted:
        this.#end(event.TaskScheduledId as number, false);
        break;
      case EventType.TaskFailed:
      case EventType.SubOrchestrationInstanceFailed:
        this.#end(event.TaskScheduledId as number, true);
        break;
      case EventType.TimerFired:
        this.#end(event.TimerId as number, false);
        break;
      case EventType.EventRaised:
        this.#raise(event.Name as string);
        break;
      default:
        break;
    }
    return this.#takeCommands();
  }

  /** Begins whatever is due of all actions asked for up to now. `now` is the time of the turn, in ms. */
  advance(actions: readonly Action[], now: number): Command[] {
    this.#now = now;
    this.#asked = actions.length;
    for (const [index, action] of actions.entries()) {
      if (index < this.#steps.length) this.#steps[index]?.refresh?.(action);
      else if (this.#steps.at(-1)?.isComplete() ?? true) this.#steps.push(this.#begin(action));
    }
    return this.#takeCommands();
  }

  #takeCommands(): Command[] {
    const commands = this.#commands;
    this.#commands = [];
    return commands;
  }

  #end(id: number, failed: boolean): void {
    const task = this.#open.get(id);
    this.#open.delete(id);
    task?.end(failed);
  }

  #raise(name: string): void {
    const wait = this.#waits.get(name)?.shift();
    if (wait !== undefined) wait();
    else this.#earlyEvents.set(name, (this.#earlyEvents.get(name) ?? 0) + 1);
  }

  #begin(action: Action): Step {
    switch (action.actionType) {
      case ActionType.CallActivity:
      case ActionType.CallActivityWithRetry:
      case ActionType.CallSubOrchestrator:
      case ActionType.CallSubOrchestratorWithRetry:
        return this.#beginCall(action);
      case ActionType.CreateTimer:
        return this.#beginTimer(action.fireAt, action.isCanceled);
      case ActionType.WaitForExternalEvent:
        return this.#beginWait(action.externalEventName);
      case ActionType.WhenAll:
      case ActionType.WhenAny:
        return this.#beginGroup(action.compoundActions, action.actionType === ActionType.WhenAll);
      case ActionType.ContinueAsNew:
        this.continueAsNew = { input: action.input };
        return { isComplete: () => true };
    }
  }

  #beginGroup(actions: readonly Action[], all: boolean): Step {
    const members = actions.map((action) => this.#begin(action));
    return {
      isComplete: () =>
        all ? members.every((member) => member.isComplete()) : members.some((member) => member.isComplete()),
      refresh: (action) => {
        if (!('compoundActions' in action)) return;
        for (const [index, member] of action.compoundActions.entries()) members[index]?.refresh?.(member);
      },
    };
  }

  #beginTimer(fireAt: string, cancelledAtOnce: boolean): Step {
    let complete = false;
    let cancelled = cancelledAtOnce;
    this.#startTimer(fireAt, { isAwaited: () => !cancelled, end: () => (complete = true) });
    return {
      isComplete: () => complete || cancelled,
      refresh: (action) => {
        if (action.actionType === ActionType.CreateTimer) cancelled = action.isCanceled;
      },
    };
  }

  #startTimer(fireAt: string, task: OpenTask): void {
    const id = this.#nextId++;
    this.#open.set(id, task);
    this.#commands.push({ kind: 'timer', id, fireAt });
  }

  #beginWait(name: string): Step {
    let complete = false;
    const early = this.#earlyEvents.get(name) ?? 0;
    if (early > 0) {
      complete = true;
      this.#earlyEvents.set(name, early - 1);
    } else {
      const waits = this.#waits.get(name) ?? [];
      waits.push(() => (complete = true));
      this.#waits.set(name, waits);
    }
    return { isComplete: () => complete };
  }

  #beginCall(action: CallAction): Step {
    const { retryOptions } = action;
    let complete = false;
    let attempt = 0;

    const call = (): void => {
      attempt += 1;
      const id = this.#nextId++;
      this.#open.set(id, { isAwaited: () => true, end });
      const { functionName: name, input, instanceId } = action;
      if (
        action.actionType === ActionType.CallActivity ||
        action.actionType === ActionType.CallActivityWithRetry
      ) {
        this.#commands.push({ kind: 'activity', id, name, input });
      } else {
        this.#commands.push({ kind: 'subOrchestration', id, name, instanceId, input });
      }
    };
    const end = (failed: boolean): void => {
      if (!failed || retryOptions === undefined) {
        complete = true;
        return;
      }
      // After the last attempt the host still sets a timer, due at once; durable-functions waits for it.
      const last = attempt >= retryOptions.maxNumberOfAttempts;
      const fireAt = new Date(this.#now + (last ? 0 : retryDelay(retryOptions, attempt))).toISOString();
      this.#startTimer(fireAt, { isAwaited: () => true, end: last ? () => (complete = true) : call });
    };
    call();
    return { isComplete: () => complete };
  }
}

/** Milliseconds to wait after the failed attempt `attempt` (the first is 1). */
function retryDelay(options: RetryOptions, attempt: number): number {
  const delay = options.firstRetryIntervalInMilliseconds * (options.backoffCoefficient ?? 1) ** (attempt - 1);
  return Math.min(delay, options.maxRetryIntervalInMilliseconds ?? Infinity);
}
