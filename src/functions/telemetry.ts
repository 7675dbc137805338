import { app } from '@azure/functions';
import type { RunningTelemetry } from '../telemetry/openTelemetry/start.ts';
import type { TelemetrySetting } from '../telemetry/telemetrySetting.ts';
import { awaitTracing } from '../telemetry/tracing.ts';
import { VERSION } from '../version.ts';
import { settings } from './settings.ts';

/**
 * OpenTelemetry, where the setting TELEMETRY is on; undefined where it is off, and then nothing of it is loaded. Where
 * it cannot be started the app works without it.
 */
export const telemetry: Promise<RunningTelemetry | undefined> | undefined =
  settings.telemetry && start(settings.telemetry);

if (telemetry !== undefined) awaitTracing(telemetry);

async function start(setting: TelemetrySetting): Promise<RunningTelemetry | undefined> {
  // Before anything is awaited: hooks are registered while the app is loaded.
  app.hook.appTerminate(async () => (await telemetry)?.shutdown());
  try {
    const { startOpenTelemetry } = await import('../telemetry/openTelemetry/start.ts');
    return await startOpenTelemetry(setting, VERSION, await credential(setting));
  } catch (error) {
    console.error(
      'OpenTelemetry could not be started.',
      error instanceof Error ? (error.stack ?? error.message) : error,
    );
    return undefined;
  }
}

async function credential(setting: TelemetrySetting) {
  if (setting.exporter !== 'azure-monitor' || setting.identity === undefined) return undefined;
  const { ManagedIdentityCredential } = await import('@azure/identity');
  return new ManagedIdentityCredential(setting.identity);
}
