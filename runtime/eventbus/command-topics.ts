import type { Clock, Timer } from '#protocol/clock.js';
import type { DeviceId } from '#protocol/device.js';
import { EdgeError } from '#protocol/errors.js';
import { LIMITS } from '#protocol/limits.js';
import type { CommandOutcome, CommandRequest } from '#protocol/mapper-port.js';
import { deviceTopic } from '#protocol/topics.js';
import { peerValue } from '#protocol/value-check-json.js';
import type { Broker, Message } from './broker-port.js';
import { field, findEventId, readBody } from './twin-payload.js';
import type { JsonObject } from './twin-payload.js';

/** What a mapper in another process gets for one command, milliseconds. */
export const COMMAND_ANSWER_MS = 5 * 60_000;

export interface CommandTopicsOptions {
  readonly broker: Pick<Broker, 'publish' | 'filtersFor'>;
  readonly clock: Clock;
}

interface Asked {
  readonly device: DeviceId;
  readonly timer: Timer;
  readonly settle: (outcome: CommandOutcome) => void;
}

/**
 * Commands for mappers in other processes (docs/mqtt.md). A command is published at QoS 0, on the
 * two-level topic: whatever is delivered twice or late might be done twice or late.
 */
export class CommandTopics {
  readonly counters = { commands: 0, commandResults: 0, commandResultsIgnored: 0 };
  readonly #options: CommandTopicsOptions;
  readonly #asked = new Map<string, Asked>();

  constructor(options: CommandTopicsOptions) {
    this.#options = options;
  }

  command({ id, device, method, args, notAfterMs }: CommandRequest): Promise<CommandOutcome> {
    const { broker, clock } = this.#options;
    const topic = deviceTopic(device, 2, 'command');
    if (broker.filtersFor(topic).length === 0)
      return Promise.resolve(failed('EDGE_DEVICE_CLOSED', 'no mapper of the device is connected'));
    const ttl = Math.floor(notAfterMs - clock.now());
    const body = { event_id: id, timestamp: clock.wallTime(), method, args, ttl };
    this.counters.commands++;
    return new Promise((resolve) => {
      const settle = (outcome: CommandOutcome): void => {
        this.#asked.get(id)?.timer.cancel();
        this.#asked.delete(id);
        resolve(outcome);
      };
      const timer = clock.setTimer('command-result', COMMAND_ANSWER_MS, () =>
        settle({ ...failed('EDGE_TIMEOUT', 'the mapper did not answer'), unknown: true }),
      );
      this.#asked.set(id, { device, timer, settle });
      broker.publish({ topic, payload: Buffer.from(JSON.stringify(body)), qos: 0, retain: false });
    });
  }

  /** An answer on `command/result`. */
  result(device: DeviceId, { payload }: Message): void {
    const asked = this.#asked.get(findEventId(payload));
    if (asked?.device !== device) {
      this.counters.commandResultsIgnored++;
      return;
    }
    this.counters.commandResults++;
    asked.settle(outcomeOf(payload));
  }

  stop(): void {
    for (const { settle } of [...this.#asked.values()])
      settle({ ...failed('EDGE_CONNECTION', 'the gateway is stopping'), unknown: true });
  }
}

function outcomeOf(payload: Uint8Array): CommandOutcome {
  try {
    const body = readBody(payload);
    const state = field(body, 'state');
    if (state === 'done') {
      const value = field(body, 'value');
      return value === undefined ? { ok: true } : { ok: true, value: peerValue(value) };
    }
    const code = textOf(body, 'code') ?? 'EDGE_DEVICE_REJECTED';
    const message = textOf(body, 'reason') ?? 'the mapper gave no reason';
    const failure = { ok: false, code, message } as const;
    return state === 'failed' ? failure : { ...failure, unknown: true };
  } catch (thrown) {
    // Something was done, or not: its answer cannot be read.
    const { code, message } = EdgeError.from(thrown);
    return { ok: false, code, message, unknown: true };
  }
}

function textOf(body: JsonObject, key: string): string | undefined {
  const text = field(body, key);
  return typeof text === 'string' ? text.slice(0, LIMITS.textChars) : undefined;
}

function failed(code: string, message: string): Exclude<CommandOutcome, { ok: true }> {
  return { ok: false, code, message };
}
