import * as v from 'valibot';
import type { Clock, Timer } from '#protocol/clock.js';
import { EdgeError } from '#protocol/errors.js';
import { encodeEvent, KEEP_ALIVE_COMMENT } from '#protocol/event-stream.js';
import type { Audit } from '../audit/audit-trail.js';
import type { Forwards, ForwardView } from '../fleet.js';
import type { ApiLimits } from './limits.js';
import { route } from './route.js';
import type { Route } from './route.js';

const Address = v.pipe(v.string(), v.minLength(3), v.maxLength(300));

const Open = v.strictObject({
  listen: v.pipe(Address, v.description('host:port on loopback of the machine of this hub.')),
  target: v.pipe(
    Address,
    v.description('host:port for TCP, udp:host:port for UDP, from the view of the gateway.'),
  ),
});

/** Forwardings that last as long as the answer that opened them is read. */
export class ForwardFeeds {
  readonly #forwards: Forwards;
  readonly #clock: Clock;
  readonly #limits: Pick<ApiLimits, 'watchKeepAliveMs' | 'snapshotPartBytes'>;
  readonly #open = new Set<ForwardFeed>();

  constructor(
    forwards: Forwards,
    clock: Clock,
    limits: Pick<ApiLimits, 'watchKeepAliveMs' | 'snapshotPartBytes'>,
  ) {
    this.#forwards = forwards;
    this.#clock = clock;
    this.#limits = limits;
  }

  /** Rejects as `Forwards.open` does. */
  async open(
    request: { node: string; actor: string } & v.InferOutput<typeof Open>,
    stillAllowed: () => boolean,
  ): Promise<ReadableStream<Uint8Array>> {
    const { watchKeepAliveMs, snapshotPartBytes } = this.#limits;
    const feed: ForwardFeed = new ForwardFeed(snapshotPartBytes, () => this.#open.delete(feed));
    const forward = await this.#forwards.open({
      ...request,
      onRefused: (why) => feed.tell('refused', { why }),
    });
    this.#open.add(feed);
    feed.begin(forward, { clock: this.#clock, everyMs: watchKeepAliveMs, stillAllowed });
    return feed.stream;
  }

  closeAll(): void {
    for (const feed of this.#open) feed.end();
  }
}

interface Care {
  readonly clock: Clock;
  readonly everyMs: number;
  readonly stillAllowed: () => boolean;
}

class ForwardFeed {
  readonly stream: ReadableStream<Uint8Array>;
  readonly #ended: () => void;
  #out: ReadableStreamDefaultController<Uint8Array> | undefined;
  #forward: ForwardView | undefined;
  #timer: Timer | undefined;

  constructor(bytesMax: number, ended: () => void) {
    this.#ended = ended;
    this.stream = new ReadableStream<Uint8Array>(
      { start: (controller) => void (this.#out = controller), cancel: () => this.end() },
      { highWaterMark: bytesMax, size: (chunk) => chunk.length },
    );
  }

  begin(forward: ForwardView, care: Care): void {
    const { node, listen, target } = forward;
    this.#forward = forward;
    this.tell('open', { node, listen, target });
    this.#watch(care);
  }

  /** What a slow reader has no room for is not told. */
  tell(event: string, data: unknown): void {
    if ((this.#out?.desiredSize ?? 0) > 0) this.#write(encodeEvent(event, data));
  }

  end(): void {
    const out = this.#out;
    if (out === undefined) return;
    this.#out = undefined;
    this.#timer?.cancel();
    this.#ended();
    void this.#forward?.close();
    try {
      out.close();
    } catch {
      // Cancelled by its reader.
    }
  }

  /** Ends with the token, and with a reader that takes nothing any more. */
  #watch(care: Care): void {
    this.#timer = care.clock.setTimer('forward-keep-alive', care.everyMs, () => {
      if (!care.stillAllowed() || (this.#out?.desiredSize ?? 0) <= 0) {
        this.end();
        return;
      }
      this.#write(KEEP_ALIVE_COMMENT);
      this.#watch(care);
    });
  }

  #write(text: string): void {
    this.#out?.enqueue(new TextEncoder().encode(text));
  }
}

/** Forwarding: an operator's, because whoever is logged in at the hub can use the port. */
export function forwardRoutes(feeds: ForwardFeeds, audit?: Audit): readonly Route[] {
  return [
    route({
      method: 'POST',
      path: '/api/v1/nodes/{node}/forwards',
      access: 'operator',
      summary:
        'Opens a port that leads through the gateway to a target that its configuration allows, and closes it when this answer is not read any more. Server-sent events: `open` first, then a `refused` for each connection that could not be opened.',
      body: Open,
      answers: [{ status: 200, summary: 'A stream of events.', mediaType: 'text/event-stream' }],
      handle: async (request) => {
        const { params, body, identity } = request;
        const [node, actor] = [params['node'] ?? '', `operator:${identity.name}`];
        const entry = { actor, action: 'forward.open', subject: body.target, node } as const;
        const stream = await feeds
          .open({ node, actor, ...body }, () => request.stillAllowed())
          .catch(async (thrown: unknown) => {
            await audit?.record({ ...entry, code: EdgeError.from(thrown).code });
            throw thrown;
          });
        await audit?.record({ ...entry, after: { listen: body.listen } });
        return { status: 200, mediaType: 'text/event-stream', body: stream };
      },
    }),
  ];
}
