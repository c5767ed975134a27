import type { Clock } from '#protocol/clock.js';
import { EdgeError } from '#protocol/errors.js';
import { isLoopback } from '#protocol/listen-address.js';
import type { Log } from '#protocol/log.js';
import { Refusal } from '#protocol/problem.js';
import {
  readTarget,
  targetText,
  type ForwardDial,
  type ForwardEntry,
  type ForwardEntryOptions,
  type ForwardRefusal,
  type Streams,
  type Target,
} from '#tunnel/transport.js';
import type { Forwards, ForwardView, NodeView, OpenForward } from '../fleet.js';
import { HUB_LIMITS } from '../limits.js';

/** The tunnel's part of it. */
export interface Forwarder {
  openForward(options: ForwardEntryOptions): Promise<ForwardEntry>;
  askForward(question: ForwardDial): Promise<ForwardRefusal | undefined>;
}

export interface ForwardDeskOptions {
  readonly fleet: {
    node(name: string): NodeView | undefined;
    /** Of the session that stands; undefined: its transport has none. */
    streamsOf(node: string): Streams | undefined;
  };
  /** Loaded with the first forwarding. */
  readonly forwarder: () => Promise<Forwarder>;
  readonly clock: Clock;
  readonly log: Log;
}

/** Opens ports that lead through gateways, writes down for whom, and closes them. */
export class ForwardDesk implements Forwards {
  readonly #options: ForwardDeskOptions;
  readonly #log: Log;
  readonly #open = new Set<ForwardView>();
  #opening = 0;
  #opened = 0;
  #refused = 0;
  #dropped = 0;

  constructor(options: ForwardDeskOptions) {
    this.#options = options;
    this.#log = options.log.child('forward');
  }

  /** Of forwardings; `dropped`: datagrams. */
  get counts(): Readonly<Record<'open' | 'opened' | 'refused' | 'dropped', number>> {
    return {
      open: this.#open.size,
      opened: this.#opened,
      refused: this.#refused,
      dropped: this.#dropped,
    };
  }

  async open(request: OpenForward): Promise<ForwardView> {
    if (this.#open.size + this.#opening >= HUB_LIMITS.forwards)
      throw new Refusal(429, 'EDGE_LIMIT', `${HUB_LIMITS.forwards} forwardings are open already`, {
        hint: 'End one of them.',
      });
    this.#opening++;
    try {
      return await this.#openOne(request);
    } finally {
      this.#opening--;
    }
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#open].map((forward) => forward.close()));
  }

  async #openOne({ node, actor, onRefused, ...asked }: OpenForward): Promise<ForwardView> {
    const { fleet, clock } = this.#options;
    const target = readTarget(asked.target);
    const listen = { ...readTarget(asked.listen), carriage: target.carriage };
    if (!isLoopback(listen.host))
      throw new EdgeError('EDGE_FORBIDDEN', `${listen.host} can be reached by others`, {
        hint: 'Listen on 127.0.0.1: who may use it is decided by who may log in at the hub.',
      });
    const audit = { node, actor, listen: targetText(listen), target: targetText(target) };
    this.#checkNode(node);
    const forwarder = await this.#options.forwarder();
    const dial = {
      ...{ target, clock, log: this.#log },
      openStream: () => fleet.streamsOf(node)?.open(),
    };
    const refusal = await forwarder.askForward(dial);
    if (refusal !== undefined) {
      this.#refused++;
      this.#log.warn('forward refused', { ...audit, why: refusal });
      throw refusalError(node, target, refusal);
    }
    const told = (why: ForwardRefusal): void => {
      this.#refused++;
      onRefused(why);
    };
    const onDropped = (): void => {
      this.#dropped++;
    };
    const entry = await listening(
      forwarder.openForward({ ...dial, listen, onRefused: told, onDropped }),
    );
    this.#opened++;
    this.#log.info('forward opened', audit);
    const forward: ForwardView = {
      ...{ node, listen: entry.address, target: targetText(target) },
      close: async () => {
        if (!this.#open.delete(forward)) return;
        this.#log.info('forward closed', audit);
        await entry.close();
      },
    };
    this.#open.add(forward);
    return forward;
  }

  #checkNode(name: string): void {
    const { fleet } = this.#options;
    const node = fleet.node(name);
    if (node === undefined)
      throw new EdgeError('EDGE_NO_NODE', `no node ${name}`, { hint: 'List the nodes.' });
    if (!node.online)
      throw new Refusal(503, 'EDGE_CONNECTION', `${name} is not connected`, {
        hint: 'Wait until `edgetwin-hub nodes` shows it online.',
      });
    if (fleet.streamsOf(name) === undefined)
      throw new Refusal(409, 'EDGE_UNSUPPORTED', `${name} is connected without streams`, {
        hint:
          'Run the hub with --udp and set `transport: coded` or `auto` in its gateway.yaml; ' +
          'WebSocket carries messages only.',
      });
  }
}

/** A port that is taken is no defect of this program. */
async function listening(entry: Promise<ForwardEntry>): Promise<ForwardEntry> {
  try {
    return await entry;
  } catch (thrown) {
    const { message, hint = '' } = EdgeError.from(thrown);
    throw new Refusal(409, 'EDGE_CONNECTION', message, { hint });
  }
}

function refusalError(node: string, target: Target, why: ForwardRefusal): EdgeError {
  if (why === 'forbidden')
    return new EdgeError('EDGE_FORBIDDEN', `${node} does not allow ${targetText(target)}`, {
      hint: `Add it to \`forward\` in its gateway.yaml: forward: ['${targetText(target)}']`,
    });
  const reason = why === 'lost' ? `${node} does not forward` : `${node} refused: ${why}`;
  return new Refusal(503, 'EDGE_CONNECTION', reason, {
    hint: 'Has its gateway.yaml a list `forward`? Then try again; its log says more.',
  });
}
