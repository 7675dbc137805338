/** How failures are worded in history, in the error an orchestrator sees, and in the status. */
import { FunctionError } from '../worker/functionWorker.ts';

interface Failure {
  readonly reason: string;
  readonly details: string;
}

const asError = (thrown: unknown): Error => (thrown instanceof Error ? thrown : new Error(String(thrown)));

/**
 * The durable extension puts a .NET exception, as JSON, into the details of a failed activity. Its own
 * stacks are left out here; the JavaScript stack is where the real one has it.
 */
export function activityFailure(name: string, thrown: unknown): Failure {
  const error = asError(thrown);
  const stack = error instanceof FunctionError ? error.remote.stack : (error.stack ?? error.message);
  const details = {
    $type: 'System.Exception, System.Private.CoreLib',
    ClassName: 'System.Exception',
    Message: ` ${error.message}`,
    Data: null,
    InnerException: {
      $type: 'Microsoft.Azure.WebJobs.Script.Workers.Rpc.RpcException, Microsoft.Azure.WebJobs.Script',
      IsUserException: false,
      RemoteStackTrace: stack,
      RemoteMessage: error.message,
      RemoteTypeName: null,
      Message: `Result: Failure\nException: ${error.message}\nStack: ${stack}`,
      Data: { $type: 'System.Collections.ListDictionaryInternal, System.Private.CoreLib' },
      InnerException: null,
      HelpLink: null,
      Source: 'System.Private.CoreLib',
      HResult: -2146233088,
      StackTrace: '   at the local host',
    },
    HelpURL: null,
    StackTraceString: null,
    RemoteStackTraceString: null,
    RemoteStackIndex: 0,
    ExceptionMethod: null,
    HResult: -2146233088,
    Source: null,
    WatsonBuckets: null,
  };
  return {
    reason: `Activity function '${name}' failed:  ${error.message}`,
    details: JSON.stringify(details),
  };
}

export const orchestratorFailure = (name: string, error: string): string =>
  `Orchestrator function '${name}' failed: ${error}`;

/** What a parent sees of its failed sub-orchestration. */
export function subOrchestrationFailure(name: string, error: string): Failure {
  return {
    reason: orchestratorFailure(name, error),
    details: `Message: ${error}, StackTrace:    at the local host`,
  };
}

/** Wording of the real host; `known` in the order of registration. */
export function unknownFunction(
  name: string,
  kind: 'orchestrator' | 'activity',
  known: readonly string[],
): string {
  const names = known.map((other) => `'${other}'`).join(', ');
  return (
    `The function '${name}' doesn't exist, is disabled, or is not an ${kind} function. Additional info: ` +
    `The following are the known ${kind} functions: ${names}.`
  );
}
