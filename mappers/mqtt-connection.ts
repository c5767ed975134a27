import type { MqttClient } from 'mqtt';
import type { Clock, Timer } from '#protocol/clock.js';
import { EdgeError } from '#protocol/errors.js';
import type { Log } from '#protocol/log.js';
import type { Random } from '#protocol/random.js';
import { MAPPER_LIMITS } from './limits.js';

export interface MqttSettings {
  /** `mqtt://127.0.0.1:1883`, or `mqtts://`. */
  readonly url: string;
  readonly username?: string;
  readonly password?: string;
}

export interface MqttEvents {
  /** Connected and subscribed to everything; again after each reconnect. */
  ready(): void;
  lost(): void;
  message(topic: string, payload: Uint8Array): void;
}

/**
 * A connection to the gateway's broker that comes back by itself, with a new client each time:
 * the library's own reconnect keeps what could not be sent and sends it late, and a late reading
 * is worth less than the next one.
 */
export class MqttConnection {
  readonly #settings: MqttSettings;
  readonly #filters: readonly string[];
  readonly #events: MqttEvents;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #log: Log;
  #client: MqttClient | undefined;
  #ready = false;
  #failures = 0;
  #timer: Timer | undefined;
  #ended = false;

  constructor(
    settings: MqttSettings,
    filters: readonly string[],
    events: MqttEvents,
    ports: { readonly clock: Clock; readonly random: Random; readonly log: Log },
  ) {
    this.#settings = settings;
    this.#filters = filters;
    this.#events = events;
    this.#clock = ports.clock;
    this.#random = ports.random;
    this.#log = ports.log;
  }

  async open(): Promise<void> {
    const { connect } = await import('mqtt').catch((cause: unknown) => {
      throw new EdgeError('EDGE_UNSUPPORTED', 'the package "mqtt" is not installed', {
        cause,
        hint: 'Run `npm install mqtt` beside this mapper.',
      });
    });
    if (this.#ended) return;
    const { url, username, password } = this.#settings;
    const client = connect(url, {
      ...(username === undefined ? {} : { username }),
      ...(password === undefined ? {} : { password }),
      clean: true,
      protocolVersion: 4,
      keepalive: MAPPER_LIMITS.mqttKeepAliveSeconds,
      connectTimeout: MAPPER_LIMITS.openMs,
      reconnectPeriod: 0,
      queueQoSZero: false,
      resubscribe: false,
    });
    this.#client = client;
    const current = (): boolean => this.#client === client && !this.#ended;
    client.on('connect', () => {
      void client.subscribeAsync([...this.#filters], { qos: 1 }).then(
        (granted) => {
          if (!current()) return;
          const refused = granted.filter(({ qos }) => qos > 2).map(({ topic }) => topic);
          if (refused.length > 0) this.#log.error('mqtt-subscription-refused', { refused });
          this.#ready = true;
          this.#failures = 0;
          this.#events.ready();
        },
        () => client.end(true),
      );
    });
    client.on('message', (topic, payload) => {
      if (current() && payload.length <= MAPPER_LIMITS.mqttPayloadBytes)
        this.#events.message(topic, payload);
    });
    client.on('error', (cause) => {
      if (current() && this.#failures === 0) this.#log.warn('mqtt-failed', { cause });
      client.end(true);
    });
    client.on('close', () => {
      if (current()) this.#lost();
    });
  }

  /** Resolves when the broker has it; rejects at once while there is no connection. */
  async publish(topic: string, payload: string): Promise<void> {
    if (!this.#ready || this.#client === undefined) throw disconnected();
    try {
      await this.#client.publishAsync(topic, payload, { qos: 1 });
    } catch (cause) {
      throw disconnected(cause);
    }
  }

  async close(): Promise<void> {
    this.#ended = true;
    this.#ready = false;
    this.#timer?.cancel();
    await this.#client?.endAsync(true);
  }

  #lost(): void {
    const wasReady = this.#ready;
    this.#ready = false;
    this.#client?.removeAllListeners('message');
    this.#client = undefined;
    const boundMs = Math.min(
      MAPPER_LIMITS.reconnectMaxMs,
      MAPPER_LIMITS.reconnectFirstMs * 2 ** Math.min(this.#failures, 16),
    );
    this.#failures += 1;
    const delayMs = this.#random.unit() * boundMs;
    this.#timer = this.#clock.setTimer('mqtt reconnect', delayMs, () => void this.open());
    if (wasReady) this.#events.lost();
  }
}

function disconnected(cause?: unknown): EdgeError {
  return new EdgeError('EDGE_CONNECTION', 'there is no connection to the broker', {
    cause,
    hint: 'Check that the gateway runs, and the address, name and password of this mapper.',
  });
}
