/**
 * The events of an orchestration's history, with the fields and defaults the durable extension sends to
 * durable-functions (numeric EventType as in its history/HistoryEventType.js).
 */
export const EventType = {
  ExecutionStarted: 0,
  ExecutionCompleted: 1,
  ExecutionTerminated: 3,
  TaskScheduled: 4,
  TaskCompleted: 5,
  TaskFailed: 6,
  SubOrchestrationInstanceCreated: 7,
  SubOrchestrationInstanceCompleted: 8,
  SubOrchestrationInstanceFailed: 9,
  TimerCreated: 10,
  TimerFired: 11,
  OrchestratorStarted: 12,
  OrchestratorCompleted: 13,
  EventRaised: 15,
  ExecutionSuspended: 19,
  ExecutionResumed: 20,
} as const;
export type EventType = (typeof EventType)[keyof typeof EventType];

export interface HistoryEvent {
  readonly EventType: EventType;
  readonly EventId: number;
  readonly IsPlayed: boolean;
  readonly Timestamp: string;
  readonly [field: string]: unknown;
}

/** Who started a sub-orchestration, and as which of its tasks. */
export interface Parent {
  readonly name: string;
  readonly instanceId: string;
  readonly executionId: string;
  readonly taskId: number;
}

function event(type: EventType, fields: Record<string, unknown> = {}, id = -1): HistoryEvent {
  return { EventType: type, ...fields, EventId: id, IsPlayed: false, Timestamp: new Date().toISOString() };
}

export const orchestratorStarted = () => event(EventType.OrchestratorStarted);
export const orchestratorCompleted = () => event(EventType.OrchestratorCompleted);

/** `generation` counts the instances a client started with one id, from 0; null for any other. */
export function executionStarted(start: {
  readonly name: string;
  readonly instanceId: string;
  readonly executionId: string;
  readonly input: string | null;
  readonly parent?: Parent | undefined;
  readonly generation: number | null;
}): HistoryEvent {
  const { parent } = start;
  return event(EventType.ExecutionStarted, {
    OrchestrationInstance: { InstanceId: start.instanceId, ExecutionId: start.executionId },
    ParentInstance:
      parent === undefined
        ? null
        : {
            Name: parent.name,
            OrchestrationInstance: { InstanceId: parent.instanceId, ExecutionId: parent.executionId },
            TaskScheduleId: parent.taskId,
            Version: null,
          },
    Name: start.name,
    Version: null,
    Input: start.input,
    Tags: null,
    Correlation: null,
    ParentTraceContext: null,
    ScheduledStartTime: null,
    Generation: start.generation,
    GenerateNewTrace: false,
  });
}

export const taskScheduled = (id: number, name: string) =>
  event(
    EventType.TaskScheduled,
    { Name: name, Version: '', Input: null, ParentTraceContext: null, Tags: null },
    id,
  );

export const taskCompleted = (taskId: number, result: string | null) =>
  event(EventType.TaskCompleted, { TaskScheduledId: taskId, Result: result });

export const taskFailed = (taskId: number, reason: string, details: string) =>
  event(EventType.TaskFailed, {
    TaskScheduledId: taskId,
    Reason: reason,
    Details: details,
    FailureDetails: null,
  });

export const subOrchestrationCreated = (id: number, name: string, instanceId: string) =>
  event(
    EventType.SubOrchestrationInstanceCreated,
    {
      Name: name,
      Version: null,
      InstanceId: instanceId,
      Input: null,
      ClientSpanId: null,
      Tags: null,
    },
    id,
  );

export const subOrchestrationCompleted = (taskId: number, result: string | null) =>
  event(EventType.SubOrchestrationInstanceCompleted, { TaskScheduledId: taskId, Result: result });

export const subOrchestrationFailed = (taskId: number, reason: string, details: string) =>
  event(EventType.SubOrchestrationInstanceFailed, {
    TaskScheduledId: taskId,
    Reason: reason,
    Details: details,
    FailureDetails: null,
  });

export const timerCreated = (id: number, fireAt: string) =>
  event(EventType.TimerCreated, { FireAt: fireAt }, id);
export const timerFired = (timerId: number, fireAt: string) =>
  event(EventType.TimerFired, { TimerId: timerId, FireAt: fireAt });

export const eventRaised = (name: string, input: string) =>
  event(EventType.EventRaised, { Name: name, Input: input, ParentTraceContext: null });
export const executionSuspended = (reason: string) => event(EventType.ExecutionSuspended, { Reason: reason });
export const executionResumed = (reason: string) => event(EventType.ExecutionResumed, { Reason: reason });
export const executionTerminated = (reason: string) =>
  event(EventType.ExecutionTerminated, { Input: reason });

export const executionCompleted = (status: string, result: string | null) =>
  event(EventType.ExecutionCompleted, { OrchestrationStatus: status, Result: result, FailureDetails: null });
