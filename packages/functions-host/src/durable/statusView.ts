/** The JSON a client gets for an instance: its status and, on request, its history. */
import type { Json } from '../worker/typedData.ts';
import { EventType } from './history.ts';
import type { HistoryEvent } from './history.ts';
import type { Instance } from './instance.ts';

interface Show {
  readonly input: boolean;
  readonly history: boolean;
  readonly historyOutput: boolean;
}

/** Status times have whole seconds. */
const seconds = (date: Date): string => date.toISOString().replace(/\.\d+Z$/, 'Z');

/**
 * Text of an output as JSON: as it is when it is JSON, else a JSON string. The bare word `undefined`, which
 * durable-functions sends as the reason of a terminate without one, passes as it is, and so breaks the JSON:
 * recorded from the real host.
 */
function outputText(output: string | null): string {
  if (output === null || output === 'undefined') return String(output);
  try {
    JSON.parse(output);
    return output;
  } catch {
    return JSON.stringify(output);
  }
}

const EVENT_NAMES = new Map<number, string>(Object.entries(EventType).map(([name, type]) => [type, name]));

/** The events a status shows, by what they complete. The rest (scheduled, turns) is left out. */
function historyView(history: readonly HistoryEvent[], showOutput: boolean): Record<string, unknown>[] {
  const scheduled = new Map<number, HistoryEvent>();
  const view: Record<string, unknown>[] = [];
  for (const event of history) {
    if (
      event.EventType === EventType.TaskScheduled ||
      event.EventType === EventType.SubOrchestrationInstanceCreated
    ) {
      scheduled.set(event.EventId, event);
    }
    const fields = shownFields(event, showOutput);
    if (fields === undefined) continue;
    const task = scheduled.get(event.TaskScheduledId as number);
    view.push({
      EventType: EVENT_NAMES.get(event.EventType),
      ...fields,
      ...(task === undefined
        ? {}
        : { ScheduledTime: task.Timestamp.replace(/Z$/, '+00:00'), FunctionName: task.Name, Input: null }),
    });
  }
  return view;
}

/** The fields of an event that a status shows; undefined for an event it leaves out. */
function shownFields(event: HistoryEvent, showOutput: boolean): Record<string, unknown> | undefined {
  switch (event.EventType) {
    case EventType.TaskScheduled:
    case EventType.SubOrchestrationInstanceCreated:
    case EventType.OrchestratorStarted:
    case EventType.OrchestratorCompleted:
      return undefined;
    case EventType.ExecutionStarted:
      return {
        ...pick(event, STARTED_FIELDS),
        FunctionName: event.Name,
      };
    case EventType.TaskCompleted:
    case EventType.SubOrchestrationInstanceCompleted:
      return {
        ...(showOutput ? { Result: parsed(event.Result as string | null) } : {}),
        ...pick(event, ['Timestamp']),
      };
    case EventType.TaskFailed:
    case EventType.SubOrchestrationInstanceFailed:
      return pick(event, ['Reason', 'Details', 'FailureDetails', 'Timestamp']);
    case EventType.ExecutionCompleted: {
      // A failure is shown even when outputs are not.
      const failed = event.OrchestrationStatus === 'Failed';
      const result = failed ? event.Result : parsed(event.Result as string | null);
      return {
        ...pick(event, ['OrchestrationStatus', 'FailureDetails', 'Timestamp']),
        ...(failed || showOutput ? { Result: result } : {}),
      };
    }
    case EventType.ExecutionTerminated:
    case EventType.ExecutionSuspended:
    case EventType.ExecutionResumed:
    case EventType.EventRaised:
    case EventType.TimerCreated:
    case EventType.TimerFired:
      return pick(event, ['Name', 'Input', 'ParentTraceContext', 'Reason', 'FireAt', 'Timestamp']);
  }
}

const STARTED_FIELDS = [
  'Input',
  'Correlation',
  'ParentTraceContext',
  'ScheduledStartTime',
  'Generation',
  'GenerateNewTrace',
  'Timestamp',
];

function pick(event: HistoryEvent, names: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(Object.entries(event).filter(([name]) => names.includes(name)));
}

function parsed(text: string | null): Json {
  if (text === null) return null;
  try {
    return JSON.parse(text) as Json;
  } catch {
    return text;
  }
}

/** JSON text, not a value: see outputText. */
export function statusText(instance: Instance, show: Show): string {
  const members = [
    ['name', JSON.stringify(instance.name)],
    ['instanceId', JSON.stringify(instance.id)],
    ['runtimeStatus', JSON.stringify(instance.status)],
    ['input', show.input ? (instance.input ?? 'null') : 'null'],
    ['customStatus', JSON.stringify(instance.customStatus)],
    ['output', outputText(instance.output)],
    ['createdTime', JSON.stringify(seconds(instance.createdTime))],
    ['lastUpdatedTime', JSON.stringify(seconds(instance.lastUpdatedTime))],
  ];
  if (show.history)
    members.push(['historyEvents', JSON.stringify(historyView(instance.history, show.historyOutput))]);
  return `{${members.map(([key, value]) => `"${key ?? ''}":${value ?? 'null'}`).join(',')}}`;
}
