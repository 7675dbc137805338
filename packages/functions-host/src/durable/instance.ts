/** One orchestration instance: takes in one event at a time, runs a turn of its function, does what that asks for. */
import { randomUUID } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import { FunctionError } from '../worker/functionWorker.ts';
import type { InvocationRequest, InvocationResponse } from '../worker/rpc.ts';
import { jsonText, metadata, toMetadata } from '../worker/typedData.ts';
import type { Json } from '../worker/typedData.ts';
import { firstUnsupported, readOutcome } from './actions.ts';
import type { Outcome } from './actions.ts';
import { orchestratorFailure } from './failures.ts';
import * as history from './history.ts';
import type { HistoryEvent, Parent } from './history.ts';
import { Script } from './script.ts';
import type { Command } from './script.ts';

type RuntimeStatus = 'Pending' | 'Running' | 'Suspended' | 'Completed' | 'Failed' | 'Terminated';

const OUT_OF_PROC_LABEL = '$OutOfProcData$:';

/** What an instance needs of the task hub around it. */
export interface Surroundings {
  /** Awaited before each turn. */
  beforeTurn(): Promise<void> | void;
  log(line: string): void;
  /** The binding name of the orchestrator's trigger; undefined when there is no such function. */
  triggerName(functionName: string): string | undefined;
  /** Why there is no such orchestrator. */
  missing(functionName: string): string;
  invoke(functionName: string, request: InvocationRequest): Promise<InvocationResponse>;
  /** Starts what the instance asked for. Its end comes back through `deliver`, with this execution's id. */
  dispatch(instance: Instance, command: Command): HistoryEvent | undefined;
  ended(instance: Instance): void;
}

export interface StartOptions {
  readonly name: string;
  readonly id: string;
  readonly input: string | null;
  readonly parent?: Parent;
  /** How many instances with this id came before. */
  readonly generation: number;
}

export class Instance {
  readonly id: string;
  readonly name: string;
  readonly parent: Parent | undefined;
  readonly generation: number;
  readonly createdTime = new Date();
  lastUpdatedTime = this.createdTime;
  status: RuntimeStatus = 'Pending';
  executionId: string;
  /** JSON text. */
  input: string | null;
  /** JSON text, or the bare text of a failure or of the reason given for terminate or suspend. */
  output: string | null = null;
  customStatus: Json = null;
  history: HistoryEvent[] = [];

  #script = new Script();
  #suspended = false;
  /** Events of a suspended instance: its function sees them at once, its script when it is resumed. */
  #held: HistoryEvent[] = [];
  readonly #inbox: HistoryEvent[] = [];
  #busy = false;
  readonly #surroundings: Surroundings;

  constructor({ name, id, input, parent, generation }: StartOptions, surroundings: Surroundings) {
    this.id = id;
    this.name = name;
    this.parent = parent;
    this.generation = generation;
    this.input = input;
    this.executionId = parent === undefined ? randomUUID() : newExecutionId();
    this.#surroundings = surroundings;
    this.deliver(this.#started(parent === undefined ? generation : null));
  }

  get isEnded(): boolean {
    return this.status === 'Completed' || this.status === 'Failed' || this.status === 'Terminated';
  }

  /** Puts an event into the instance's queue. One for an earlier execution is dropped. */
  deliver(event: HistoryEvent, executionId = this.executionId): void {
    if (this.isEnded || executionId !== this.executionId) return;
    this.#inbox.push(event);
    void this.#drain();
  }

  async #drain(): Promise<void> {
    if (this.#busy) return;
    this.#busy = true;
    try {
      while (this.#inbox.length > 0 && !this.isEnded) {
        await setImmediate();
        await this.#surroundings.beforeTurn();
        const event = this.#inbox.shift();
        if (event !== undefined) await this.#turn(event);
      }
    } catch (error) {
      // The host itself failed, not the function: the real one retries; here it would only fail again.
      this.#surroundings.log(
        `error: ${this.name} ${this.id}: ${error instanceof Error ? error.message : String(error)}`,
      );
    } finally {
      this.#busy = false;
    }
  }

  #started(generation: number | null): HistoryEvent {
    const { name, id: instanceId, executionId, input, parent } = this;
    return history.executionStarted({ name, instanceId, executionId, input, parent, generation });
  }

  async #turn(event: HistoryEvent): Promise<void> {
    const isFirst = !this.history.some((earlier) => earlier.IsPlayed);
    const started = history.orchestratorStarted();
    const now = Date.parse(started.Timestamp);
    // An execution that continues another one begins with the end of the turn before it.
    const continues = isFirst && event.Generation === null && this.parent === undefined;
    const batch = [started, event, ...(continues ? [history.orchestratorCompleted()] : [])];
    this.history.push(...batch);

    const triggerName = this.#surroundings.triggerName(this.name);
    if (triggerName === undefined) return this.#fail(this.#surroundings.missing(this.name));
    const outcome = await this.#invoke(triggerName, !isFirst);
    const played = new Set(batch.filter((one) => one !== started));
    this.history = this.history.map((one) => (played.has(one) ? { ...one, IsPlayed: true } : one));
    this.#apply(event, outcome, now);
    this.lastUpdatedTime = new Date();
  }

  async #invoke(triggerName: string, isReplaying: boolean): Promise<Outcome> {
    const properties = {
      input: this.input === null ? null : (JSON.parse(this.input) as Json),
      instanceId: this.id,
      isReplaying,
      parentInstanceId: this.parent?.instanceId ?? null,
      upperSchemaVersion: 1,
      upperSchemaVersionNew: 3,
      longRunningTimerIntervalDuration: '3.00:00:00',
      maximumShortTimerDuration: '6.00:00:00',
      defaultHttpAsyncRequestSleepTimeMillseconds: 30000,
    };
    const data = { string: JSON.stringify({ history: this.history, ...properties }) };
    const triggerMetadata = metadata({
      [triggerName]: data,
      ...Object.fromEntries(Object.entries(properties).map(([key, value]) => [key, toMetadata(value)])),
    });
    try {
      const response = await this.#surroundings.invoke(this.name, {
        inputData: [{ name: triggerName, data }],
        triggerMetadata,
      });
      return readOutcome(response.returnValue?.json ?? response.returnValue?.string ?? 'null');
    } catch (error) {
      if (!(error instanceof FunctionError)) throw error;
      const at = error.message.indexOf(OUT_OF_PROC_LABEL);
      if (at >= 0) return readOutcome(error.message.slice(at + OUT_OF_PROC_LABEL.length));
      return { isDone: false, actions: [], error: error.message };
    }
  }

  #apply(event: HistoryEvent, outcome: Outcome, now: number): void {
    if (event.EventType === history.EventType.ExecutionTerminated) {
      return this.#end('Terminated', (event.Input as string).trim());
    }
    const unsupported = firstUnsupported(outcome.actions, now);
    if (unsupported !== undefined) return this.#fail(`${unsupported} is not supported by the local host.`);

    this.customStatus = outcome.customStatus ?? null;
    const commands = [...this.#settle(event, now), ...this.#script.advance(outcome.actions, now)];
    for (const command of commands) {
      const scheduled = this.#surroundings.dispatch(this, command);
      if (scheduled !== undefined) this.history.push(scheduled);
    }
    this.history.push(history.orchestratorCompleted());

    this.status = this.#suspended ? 'Suspended' : 'Running';
    if (this.#suspended || !this.#script.isFinished) return;
    const next = this.#script.continueAsNew;
    if (next !== undefined) this.#continueAsNew(next.input);
    else if (outcome.error !== undefined) this.#fail(outcome.error);
    else if (outcome.isDone)
      this.#end('Completed', outcome.output === undefined ? null : jsonText(outcome.output));
  }

  #settle(event: HistoryEvent, now: number): Command[] {
    if (event.EventType === history.EventType.ExecutionSuspended) {
      this.#suspended = true;
      this.output = event.Reason as string;
      return [];
    }
    if (event.EventType === history.EventType.ExecutionResumed) {
      this.#suspended = false;
      this.output = null;
      return this.#held.splice(0).flatMap((held) => this.#script.settle(held, now));
    }
    if (this.#suspended) {
      this.#held.push(event);
      return [];
    }
    return this.#script.settle(event, now);
  }

  #continueAsNew(input: Json | undefined): void {
    this.executionId = newExecutionId();
    // durable-functions quotes a string input once more than the others.
    this.input = typeof input === 'string' ? input : input === undefined ? null : jsonText(input);
    this.history = [];
    this.#script = new Script();
    this.#inbox.length = 0;
    this.#inbox.push(this.#started(null));
  }

  #fail(error: string): void {
    this.#end('Failed', orchestratorFailure(this.name, error));
  }

  #end(status: RuntimeStatus, output: string | null): void {
    this.history.push(history.executionCompleted(status, output));
    this.status = status;
    this.output = output;
    this.lastUpdatedTime = new Date();
    this.#surroundings.ended(this);
  }
}

function newExecutionId(): string {
  return randomUUID().replaceAll('-', '');
}
