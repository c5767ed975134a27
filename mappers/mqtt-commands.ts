import type { Clock } from '#protocol/clock.js';
import { commandByWrites } from '#protocol/command-writes.js';
import type { Device } from '#protocol/device.js';
import { EdgeError } from '#protocol/errors.js';
import type { CommandOutcome, CommandRequest, Mapper } from '#protocol/mapper-port.js';
import { checkCall } from '#protocol/method-call.js';
import type { Value, Version } from '#protocol/twin.js';
import type { WriteLanes } from '#protocol/write-lanes.js';
import { MAPPER_LIMITS } from './limits.js';
import { parseCommandPayload } from './mqtt-payload.js';

export interface MqttCommandsOptions {
  readonly mapper: Mapper;
  readonly lanes: WriteLanes;
  readonly clock: Clock;
  /** The version that readings of a property carry now. */
  readonly label: (device: Device, property: string) => Version;
  readonly answer: (device: Device, payload: string) => void;
}

/**
 * Commands that came over MQTT (docs/mqtt.md): one at a time for a device, each id once in the life
 * of this process, never after its time. The part that the runtime plays for mappers of its own.
 */
export class MqttCommands {
  readonly #options: MqttCommandsOptions;
  readonly #seen = new Set<string>();
  #waiting = 0;

  constructor(options: MqttCommandsOptions) {
    this.#options = options;
  }

  /** False when it is no command. */
  heard(device: Device, payload: Uint8Array): boolean {
    const command = parseCommandPayload(payload);
    if (command === undefined) return false;
    const { id, method, args, ttlMs } = command;
    if (this.#seen.has(id)) return true;
    this.#remember(id);
    const notAfterMs = this.#options.clock.now() + ttlMs;
    void this.#run(device, { id, device: device.id, method, args, notAfterMs });
    return true;
  }

  async #run(device: Device, request: CommandRequest): Promise<void> {
    const { clock, answer } = this.#options;
    const outcome = await this.#outcome(device, request);
    const { id: event_id } = request;
    answer(device, JSON.stringify({ event_id, timestamp: clock.wallTime(), ...bodyOf(outcome) }));
  }

  async #outcome(device: Device, request: CommandRequest): Promise<CommandOutcome> {
    if (this.#waiting >= MAPPER_LIMITS.mqttCommandsWaiting)
      return { ok: false, code: 'EDGE_LIMIT', message: 'too many commands wait at this mapper' };
    this.#waiting++;
    try {
      return await this.#inTurn(device, request);
    } catch (thrown) {
      const { code, message } = EdgeError.from(thrown);
      return { ok: false, code, message, unknown: true };
    } finally {
      this.#waiting--;
    }
  }

  async #inTurn(device: Device, request: CommandRequest): Promise<CommandOutcome> {
    const { mapper, lanes, clock, label } = this.#options;
    const { method, args, notAfterMs } = request;
    const writes = checked(device, method, args);
    if ('code' in writes) return { ok: false, ...writes };
    const names = device.methods?.find(({ name }) => name === method)?.properties ?? [];
    const keys = ['', ...names].map((name) => `${device.id} ${name}`);
    await lanes.take(keys);
    try {
      if (clock.now() > notAfterMs)
        return { ok: false, code: 'EDGE_EXPIRED', message: 'it waited for too long' };
      if (mapper.command !== undefined) return await mapper.command(request);
      const context = { clock, label: (name: string) => label(device, name) };
      return await commandByWrites(mapper, request, writes, context);
    } finally {
      lanes.release(keys);
    }
  }

  #remember(id: string): void {
    this.#seen.add(id);
    const [oldest] = this.#seen;
    if (this.#seen.size > MAPPER_LIMITS.mqttCommandsSeen && oldest !== undefined)
      this.#seen.delete(oldest);
  }
}

function checked(
  device: Device,
  method: string,
  args: Value,
): ReturnType<typeof checkCall> | { readonly code: string; readonly message: string } {
  try {
    return checkCall(device, method, args);
  } catch (thrown) {
    const { code, message } = EdgeError.from(thrown);
    return { code, message };
  }
}

function bodyOf(outcome: CommandOutcome): object {
  if (outcome.ok)
    return { state: 'done', ...(outcome.value === undefined ? {} : { value: outcome.value }) };
  const { code, message: reason, unknown } = outcome;
  return { state: unknown === true ? 'unknown' : 'failed', code, reason };
}
