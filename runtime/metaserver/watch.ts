import type { ServerResponse } from 'node:http';
import type { Clock, Timer } from '#protocol/clock.js';
import { encodeEvent, KEEP_ALIVE_COMMENT } from '#protocol/event-stream.js';
import { Refusal } from '#protocol/problem.js';
import type { TwinAccess, TwinChange } from '../devicetwin/twin-access.js';
import { deviceDocument, propertyDocument } from './documents.js';
import { beginStream } from './exchange.js';
import type { MetaServerLimits } from './limits.js';

/**
 * Live views of the twins as server-sent events, as the hub has them: `snapshot` events first
 * (`last` in the final one), then `property`, `device` and `device-removed`.
 */
export class Watches {
  readonly #twins: TwinAccess;
  readonly #clock: Clock;
  readonly #limits: MetaServerLimits;
  readonly #live = new Set<Watch>();
  opened = 0;
  cut = 0;

  constructor(twins: TwinAccess, clock: Clock, limits: MetaServerLimits) {
    this.#twins = twins;
    this.#clock = clock;
    this.#limits = limits;
  }

  /** Throws EDGE_LIMIT (429) when too many watch already. */
  open(response: ServerResponse, device: string | undefined): void {
    if (this.#live.size >= this.#limits.watchers)
      throw new Refusal(429, 'EDGE_LIMIT', `${this.#limits.watchers} watches are open already`, {
        hint: 'Close a watch.',
      });
    this.opened++;
    beginStream(response);
    const watch = new Watch(this.#twins, this.#clock, this.#limits, response, device, (cut) => {
      if (this.#live.delete(watch) && cut) this.cut++;
    });
    this.#live.add(watch);
    watch.start();
  }

  closeAll(): void {
    for (const watch of this.#live) watch.close();
  }
}

class Watch {
  readonly #twins: TwinAccess;
  readonly #clock: Clock;
  readonly #limits: MetaServerLimits;
  readonly #response: ServerResponse;
  readonly #device: string | undefined;
  readonly #ended: (cut: boolean) => void;
  /** Devices that the snapshot still has to bring. */
  readonly #pending: Set<string>;
  #partBytes = 0;
  #unsubscribe: () => void = () => undefined;
  #keepAlive: Timer | undefined;

  constructor(
    twins: TwinAccess,
    clock: Clock,
    limits: MetaServerLimits,
    response: ServerResponse,
    device: string | undefined,
    ended: (cut: boolean) => void,
  ) {
    this.#twins = twins;
    this.#clock = clock;
    this.#limits = limits;
    this.#response = response;
    this.#device = device;
    this.#ended = ended;
    this.#pending = new Set(
      twins.devices().flatMap((twin) => (this.#shows(twin.device.id) ? [twin.device.id] : [])),
    );
  }

  start(): void {
    this.#unsubscribe = this.#twins.subscribe((change) => this.#changed(change));
    this.#response.on('drain', () => this.#continueSnapshot());
    this.#response.on('close', () => this.#end(false));
    this.#snapshotPart();
    this.#continueSnapshot();
    this.#scheduleKeepAlive();
  }

  close(): void {
    this.#end(false);
    this.#response.end();
  }

  #continueSnapshot(): void {
    while (this.#pending.size > 0 && !this.#response.writableNeedDrain) this.#snapshotPart();
  }

  #snapshotPart(): void {
    const devices: unknown[] = [];
    this.#partBytes = 0;
    for (const id of this.#pending) {
      this.#pending.delete(id);
      const twin = this.#twins.device(id);
      if (twin === undefined) continue;
      const document = deviceDocument(twin);
      this.#partBytes += JSON.stringify(document).length;
      devices.push(document);
      if (this.#partBytes >= this.#limits.snapshotPartBytes) break;
    }
    this.#write(encodeEvent('snapshot', { last: this.#pending.size === 0, devices }));
  }

  #changed(change: TwinChange): void {
    if (this.#response.writableLength > this.#limits.watchQueueBytes + this.#partBytes) {
      this.#end(true);
      this.#response.destroy();
      return;
    }
    if (change.kind === 'membership') this.#membership(change.added, change.removed);
    else if (this.#shows(change.device) && !this.#pending.has(change.device))
      for (const { view } of change.changes) {
        const property = propertyDocument(view);
        this.#write(encodeEvent('property', { device: change.device, property }));
      }
  }

  #membership(added: readonly { readonly id: string }[], removed: readonly string[]): void {
    for (const device of removed)
      if (this.#shows(device)) this.#write(encodeEvent('device-removed', { device }));
    for (const { id } of added) {
      const twin = this.#shows(id) ? this.#twins.device(id) : undefined;
      if (twin !== undefined) this.#write(encodeEvent('device', deviceDocument(twin)));
    }
  }

  #shows(id: string): boolean {
    return this.#device === undefined || this.#device === id;
  }

  #write(text: string): void {
    this.#response.write(text);
  }

  #scheduleKeepAlive(): void {
    this.#keepAlive = this.#clock.setTimer(
      'watch-keep-alive',
      this.#limits.watchKeepAliveMs,
      () => {
        this.#write(KEEP_ALIVE_COMMENT);
        this.#scheduleKeepAlive();
      },
    );
  }

  #end(cut: boolean): void {
    this.#keepAlive?.cancel();
    this.#unsubscribe();
    this.#ended(cut);
  }
}
