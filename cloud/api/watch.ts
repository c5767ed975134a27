import * as v from 'valibot';
import type { Clock, Timer } from '#protocol/clock.js';
import { encodeEvent, KEEP_ALIVE_COMMENT } from '#protocol/event-stream.js';
import { LIMITS } from '#protocol/limits.js';
import type { Fleet, FleetChange } from '../fleet.js';
import { changeDocument, deviceDocument, nodeDocument } from './documents.js';
import type { ApiLimits } from './limits.js';
import { Refusal } from '#protocol/problem.js';
import { route } from './route.js';
import type { Route } from './route.js';

export interface WatchFilter {
  readonly node?: string;
  readonly device?: string;
}

type WatchLimits = Pick<
  ApiLimits,
  'watchers' | 'watchQueueBytes' | 'snapshotPartBytes' | 'watchKeepAliveMs'
>;

/**
 * Live views as server-sent events: first the present state in `snapshot` events (`last` is true
 * in the final one), then a `node`, `device`, `property` or `device-removed` event for each change,
 * only after it is durable. There is no resuming: a new watch begins with a new snapshot.
 */
export class Watches {
  readonly #fleet: Fleet;
  readonly #clock: Clock;
  readonly #limits: WatchLimits;
  readonly #live = new Set<Watch>();
  #opened = 0;
  #cut = 0;

  constructor(fleet: Fleet, clock: Clock, limits: WatchLimits) {
    this.#fleet = fleet;
    this.#clock = clock;
    this.#limits = limits;
  }

  /** Throws EDGE_LIMIT (429) when too many watch already. */
  open(filter: WatchFilter, stillAllowed: () => boolean): ReadableStream<Uint8Array> {
    if (this.#live.size >= this.#limits.watchers)
      throw new Refusal(429, 'EDGE_LIMIT', `${this.#limits.watchers} watches are open already`, {
        hint: 'Close a watch, or follow several devices in one.',
        headers: { 'retry-after': '10' },
      });
    this.#opened++;
    const watch = new Watch(this.#fleet, this.#clock, this.#limits, filter, stillAllowed, (cut) => {
      if (this.#live.delete(watch) && cut) this.#cut++;
    });
    this.#live.add(watch);
    return watch.stream;
  }

  closeAll(): void {
    for (const watch of this.#live) watch.close();
  }

  counters(): { readonly open: number; readonly opened: number; readonly cut: number } {
    return { open: this.#live.size, opened: this.#opened, cut: this.#cut };
  }
}

class Watch {
  readonly stream: ReadableStream<Uint8Array>;
  readonly #fleet: Fleet;
  readonly #clock: Clock;
  readonly #limits: WatchLimits;
  readonly #filter: WatchFilter;
  readonly #stillAllowed: () => boolean;
  readonly #ended: (cut: boolean) => void;
  readonly #text = new TextEncoder();
  readonly #unsubscribe: () => void;
  #out: ReadableStreamDefaultController<Uint8Array> | undefined;
  #keepAlive: Timer | undefined;
  /** Devices that the snapshot still has to bring; undefined before it began. */
  #pending: Set<string> | undefined;
  /** Of the newest part: a snapshot alone must not look like a slow reader. */
  #partBytes = 0;

  constructor(
    fleet: Fleet,
    clock: Clock,
    limits: WatchLimits,
    filter: WatchFilter,
    stillAllowed: () => boolean,
    ended: (cut: boolean) => void,
  ) {
    this.#fleet = fleet;
    this.#clock = clock;
    this.#limits = limits;
    this.#filter = filter;
    this.#stillAllowed = stillAllowed;
    this.#ended = ended;
    this.stream = new ReadableStream<Uint8Array>(
      {
        start: (controller) => void (this.#out = controller),
        pull: () => this.#snapshotPart(),
        cancel: () => this.#end(false),
      },
      { highWaterMark: limits.snapshotPartBytes, size: (chunk) => chunk.length },
    );
    this.#unsubscribe = fleet.watch((change) => this.#changed(change));
    this.#scheduleKeepAlive();
  }

  close(): void {
    const out = this.#out;
    this.#end(false);
    out?.close();
  }

  /** Parts are made when the reader takes them, so a snapshot never waits in memory as a whole. */
  #snapshotPart(): void {
    const first = this.#pending === undefined;
    const pending = (this.#pending ??= new Set(this.#deviceIds()));
    if (!first && pending.size === 0) return;
    const devices: unknown[] = [];
    this.#partBytes = 0;
    for (const id of pending) {
      pending.delete(id);
      const device = this.#fleet.device(id);
      if (device === undefined) continue;
      const document = deviceDocument(device);
      this.#partBytes += JSON.stringify(document).length;
      devices.push(document);
      if (this.#partBytes >= this.#limits.snapshotPartBytes) break;
    }
    const nodes = first ? this.#nodes() : [];
    this.#enqueue(encodeEvent('snapshot', { last: pending.size === 0, nodes, devices }));
  }

  #nodes(): unknown[] {
    const { node, device } = this.#filter;
    if (device !== undefined) return [];
    return this.#fleet
      .nodes()
      .filter((one) => node === undefined || one.name === node)
      .map(nodeDocument);
  }

  #deviceIds(): string[] {
    const { node, device } = this.#filter;
    if (device === undefined)
      return this.#fleet
        .devices(node === undefined ? {} : { node })
        .map(({ description }) => description.id);
    const found = this.#fleet.device(device);
    return found === undefined || (node !== undefined && found.node !== node) ? [] : [device];
  }

  #changed(change: FleetChange): void {
    if (!this.#concerns(change)) return;
    const queued = this.#limits.snapshotPartBytes - (this.#out?.desiredSize ?? 0);
    if (queued > this.#limits.watchQueueBytes + this.#partBytes) this.#cut();
    else this.#enqueue(encodeEvent(change.kind, changeDocument(change)));
  }

  /** A device that the snapshot has not reached yet will be in it as it is then. */
  #concerns(change: FleetChange): boolean {
    const { node, device } = this.#filter;
    if (this.#pending === undefined) return false;
    if (change.kind === 'node')
      return device === undefined && (node === undefined || change.node.name === node);
    const { id, home } = subjectOf(change);
    if (this.#pending.has(id)) return false;
    return (device === undefined || device === id) && (node === undefined || node === home);
  }

  #enqueue(text: string): void {
    this.#out?.enqueue(this.#text.encode(text));
  }

  /** The reader is too slow: it is told by the end of the stream, and may begin again. */
  #cut(): void {
    const out = this.#out;
    this.#end(true);
    out?.error(new Refusal(429, 'EDGE_LIMIT', 'the watcher reads too slowly'));
  }

  #scheduleKeepAlive(): void {
    this.#keepAlive = this.#clock.setTimer(
      'watch-keep-alive',
      this.#limits.watchKeepAliveMs,
      () => {
        if (!this.#stillAllowed()) {
          this.close();
          return;
        }
        this.#enqueue(KEEP_ALIVE_COMMENT);
        this.#scheduleKeepAlive();
      },
    );
  }

  #end(cut: boolean): void {
    this.#out = undefined;
    this.#keepAlive?.cancel();
    this.#unsubscribe();
    this.#ended(cut);
  }
}

function subjectOf(change: Exclude<FleetChange, { kind: 'node' }>): { id: string; home: string } {
  switch (change.kind) {
    case 'device':
      return { id: change.device.description.id, home: change.device.node };
    case 'command':
      return { id: change.command.device, home: change.command.node };
    default:
      return { id: change.device, home: change.node };
  }
}

/** The route of the live view. */
export function watchRoute(watches: Watches): Route {
  const name = v.pipe(v.string(), v.maxLength(2 * LIMITS.nameChars + 1));
  return route({
    method: 'GET',
    path: '/api/v1/watch',
    access: 'viewer',
    summary:
      'Server-sent events: `snapshot` first (one or more, `last` in the final one), then `node`, `device`, `property`, `command` and `device-removed`. A reader that falls behind is cut and begins again.',
    query: v.strictObject({ device: v.exactOptional(name), node: v.exactOptional(name) }),
    answers: [{ status: 200, summary: 'A stream of events.', mediaType: 'text/event-stream' }],
    handle: (request) => ({
      status: 200,
      mediaType: 'text/event-stream',
      body: watches.open(request.query, () => request.stillAllowed()),
    }),
  });
}
