import { connect, type MqttClient } from 'mqtt';

/**
 * Local clients at work: each property counts up, one QoS 1 publish at a time, and remembers the
 * highest value that was acknowledged, that is: durable on the gateway.
 */
export class Load {
  readonly acknowledged = new Map<string, number>();
  /** Acknowledged updates of all properties. */
  count = 0;
  /** How often the gateway, or its death, ended the connection. */
  closed = 0;
  readonly #client: MqttClient;
  readonly #device: string;
  #running = true;
  readonly #lanes: Promise<void>[] = [];

  constructor(broker: string, device: string) {
    this.#client = connect(`mqtt://${broker}`, { clientId: 'load', reconnectPeriod: 50 });
    this.#client.on('error', () => undefined);
    this.#client.on('close', () => this.closed++);
    this.#device = device;
  }

  /**
   * Starts counting `properties` up, each about `perSecond` times a second; `padding` characters
   * follow each number, for properties that are text.
   */
  start(properties: readonly string[], perSecond: number, padding = 0): void {
    const text = padding === 0 ? '' : ` ${'x'.repeat(padding)}`;
    for (const property of properties)
      this.#lanes.push(this.#lane(property, 1000 / perSecond, text));
  }

  /** No new updates; those under way are acknowledged or given up with the connection. */
  async stop(): Promise<void> {
    this.#running = false;
    const gaveUp = setTimeout(() => this.#client.end(true), 30_000);
    await Promise.all(this.#lanes);
    clearTimeout(gaveUp);
    await this.#client.endAsync(true);
  }

  async #lane(property: string, pauseMs: number, padding: string): Promise<void> {
    for (let value = 1; this.#running; value++) {
      try {
        await this.#client.publishAsync(
          `$hw/events/device/${this.#device}/twin/update`,
          JSON.stringify({
            event_id: `${property}-${value}`,
            twin: { [property]: { actual: { value: `${value}${padding}` } } },
          }),
          { qos: 1 },
        );
        this.acknowledged.set(property, value);
        this.count++;
      } catch {
        // Not acknowledged: nothing is promised of this value.
      }
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
  }
}
