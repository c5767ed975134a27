import { sleep } from '#protocol/clock.js';
import type { Clock } from '#protocol/clock.js';
import { commandByWrites } from '#protocol/command-writes.js';
import { EdgeError } from '#protocol/errors.js';
import type { CommandOutcome, CommandRequest, Mapper } from '#protocol/mapper-port.js';
import { checkCall } from '#protocol/method-call.js';
import type { Command } from '#protocol/sync-message-command.js';
import { NO_VERSION, sameVersion } from '#protocol/twin.js';
import { valueProblem } from '#protocol/value-check-json.js';
import type { WriteLanes } from '#protocol/write-lanes.js';
import type { TwinAccess } from '../devicetwin/twin-access.js';
import { propertyKey } from '../metamanager/tables.js';
import type { CommandEnding, CommandJob } from './command-machine.js';
import { COMMAND_LIMITS } from './limits.js';

export interface CommandRunnerOptions {
  readonly twins: Pick<TwinAccess, 'device'>;
  /** The mapper of a protocol, when it runs in this process. */
  readonly mapper: (protocolName: string) => Mapper | undefined;
  /** Calls a method of a device that a mapper in another process serves. */
  readonly external: (request: CommandRequest) => Promise<CommandOutcome>;
  readonly lanes: WriteLanes;
  readonly clock: Clock;
}

/**
 * The effect of a command: one at a time for a device, never beside another write of the same
 * property (I12), never after its time. Whatever a mapper does, `run` gives an ending.
 */
export class CommandRunner {
  readonly #options: CommandRunnerOptions;

  constructor(options: CommandRunnerOptions) {
    this.#options = options;
  }

  /** Why this command cannot be done here; undefined when it can. */
  refusal({ device: id, incarnation, method, args }: Command): CommandEnding | undefined {
    try {
      const view = this.#options.twins.device(id);
      if (view === undefined)
        throw new EdgeError('EDGE_NO_DEVICE', `this gateway has no device ${id}`);
      if (!sameVersion(view.incarnation, incarnation))
        throw new EdgeError('EDGE_INCARNATION', `${id} was made anew since`);
      checkCall(view.device, method, args);
      return undefined;
    } catch (thrown) {
      const { code, message } = EdgeError.from(thrown);
      return failed(code, message);
    }
  }

  async run({ message, notAfterMs }: CommandJob): Promise<CommandEnding> {
    const { clock, lanes, twins } = this.#options;
    const { device, method } = message;
    const methods = twins.device(device)?.device.methods ?? [];
    const properties = methods.find(({ name }) => name === method)?.properties ?? [];
    // The name that no property has stands for the device itself.
    const keys = ['', ...properties].map((property) => propertyKey(device, property));
    await lanes.take(keys);
    const ended = new AbortController();
    try {
      const refusal = this.refusal(message);
      if (refusal !== undefined) return refusal;
      if (clock.now() > notAfterMs)
        return { state: 'expired', code: 'EDGE_EXPIRED', detail: 'It waited for too long.' };
      const limit = sleep(clock, 'command-effect', COMMAND_LIMITS.effectMs, ended.signal);
      const late = limit.then(() => undefined);
      return endingOf(await Promise.race([this.#call(message, notAfterMs), late]));
    } finally {
      ended.abort();
      lanes.release(keys);
    }
  }

  async #call(message: Command, notAfterMs: number): Promise<CommandOutcome> {
    const { twins, mapper: mapperOf, external, clock } = this.#options;
    const { command: id, device, method, args } = message;
    const view = twins.device(device);
    if (view === undefined) return { ok: false, code: 'EDGE_NO_DEVICE', message: 'it is gone' };
    const request = { id, device, method, args, notAfterMs };
    const mapper = mapperOf(view.device.protocol.protocolName);
    const label = (name: string) =>
      twins.device(device)?.properties.find(({ property }) => property.name === name)?.applied ??
      NO_VERSION;
    try {
      if (mapper?.command !== undefined) return await mapper.command(request);
      if (mapper === undefined) return await external(request);
      const writes = checkCall(view.device, method, args);
      return await commandByWrites(mapper, request, writes, { clock, label });
    } catch (thrown) {
      const { code, message: why } = EdgeError.from(thrown);
      return { ok: false, code, message: `the mapper threw: ${why}`, unknown: true };
    }
  }
}

/** Undefined: no end in time. What a mapper gives is data. */
function endingOf(outcome: CommandOutcome | undefined): CommandEnding {
  if (outcome === undefined)
    return unknown('EDGE_TIMEOUT', `no end within ${COMMAND_LIMITS.effectMs / 60_000} minutes`);
  if (!outcome.ok) {
    const { code, message } = outcome;
    return outcome.unknown === true ? unknown(code, message) : failed(code, message);
  }
  const { value } = outcome;
  if (value === undefined) return { state: 'done' };
  const problem = valueProblem(value);
  if (problem === undefined) return { state: 'done', value };
  return { state: 'done', detail: `its answer was left out: it is ${problem.rule}` };
}

function failed(code: string, detail: string): CommandEnding {
  return ending('failed', code, detail);
}

function unknown(code: string, detail: string): CommandEnding {
  return ending('unknown', code, detail);
}

function ending(state: 'failed' | 'unknown', code: string, detail: string): CommandEnding {
  const { textChars } = COMMAND_LIMITS;
  return { state, code: code.slice(0, textChars), detail: detail.slice(0, textChars) };
}
