import type { Clock } from './clock.js';
import { EdgeError } from './errors.js';
import type { CommandOutcome, CommandRequest, Mapper, WriteOutcome } from './mapper-port.js';
import type { PropertyWrite } from './method-call.js';
import type { Version } from './twin.js';

/**
 * A command of a mapper without methods of its own: each value is written once, in order, never
 * after its time; the first failure ends it. `label` is the version that readings of a property
 * carry now: a command does not change what is desired.
 */
export async function commandByWrites(
  mapper: Pick<Mapper, 'write'>,
  { id, notAfterMs, device, method }: CommandRequest,
  writes: readonly PropertyWrite[],
  context: { readonly clock: Clock; readonly label: (property: string) => Version },
): Promise<CommandOutcome> {
  if (writes.length === 0)
    return failed('EDGE_UNSUPPORTED', `the mapper has no method ${method}, nor has it properties`);
  const done: string[] = [];
  for (const { property, value } of writes) {
    const soFar = done.length === 0 ? '' : `; written before it: ${done.join(', ')}`;
    if (context.clock.now() > notAfterMs)
      return failed('EDGE_EXPIRED', `the time was over before ${property} was written${soFar}`);
    const version = context.label(property);
    const request = { device, property, value, version, command: { id, notAfterMs } };
    const outcome = await attempt(mapper, request);
    if (outcome.ok) {
      done.push(property);
      continue;
    }
    const { code, message } = outcome;
    const detail = `${property}: ${message}${soFar}`;
    // A device that did not answer may have done what it was told.
    return (outcome.effect ?? (outcome.retry ? 'unknown' : 'none')) === 'unknown'
      ? { ok: false, code, message: detail, unknown: true }
      : failed(code, detail);
  }
  return { ok: true };
}

async function attempt(
  mapper: Pick<Mapper, 'write'>,
  request: Parameters<Mapper['write']>[0],
): Promise<WriteOutcome> {
  try {
    return await mapper.write(request);
  } catch (thrown) {
    const { code, message } = EdgeError.from(thrown);
    return { ok: false, code, message: `the mapper threw: ${message}`, retry: true };
  }
}

function failed(code: string, message: string): CommandOutcome {
  return { ok: false, code, message };
}
