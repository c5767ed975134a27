import { once } from 'node:events';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import mqtt from 'mqtt-packet';
import type { IConnectPacket, IPublishPacket, Packet, QoS } from 'mqtt-packet';
import type { Clock } from '#protocol/clock.js';
import { EdgeError } from '#protocol/errors.js';

const TIMEOUT_MS = 20_000;

/**
 * An MQTT 3.1.1 client for tests that does exactly what it is told, wrong things included, and
 * shows every packet that came.
 */
export class RawClient {
  readonly socket: Socket;
  readonly closed: Promise<unknown>;
  /** Packets not yet taken by `next`. */
  readonly inbox: Packet[] = [];
  /** False leaves QoS 1 and 2 deliveries unacknowledged. */
  acknowledges = true;
  readonly #clock: Clock;
  readonly #parser = mqtt.parser({ protocolVersion: 4 });
  #changed: (() => void)[] = [];
  #packetId = 0;

  constructor(socket: Socket, clock: Clock) {
    this.socket = socket;
    this.#clock = clock;
    this.closed = once(socket, 'close').catch(() => undefined);
    socket.on('error', () => undefined);
    socket.on('close', () => this.#wake());
    socket.on('data', (chunk) => this.#parser.parse(chunk));
    this.#parser.on('packet', (packet) => this.#received(packet));
  }

  /** A connection without CONNECT. */
  static async open(port: number, clock: Clock): Promise<RawClient> {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    await once(socket, 'connect');
    return new RawClient(socket, clock);
  }

  /** Connected, whatever the CONNACK says; `sessionPresent` and `returnCode` are in it. */
  static async connect(
    port: number,
    clock: Clock,
    options: Partial<IConnectPacket> = {},
  ): Promise<RawClient & { connack: Packet & { cmd: 'connack' } }> {
    const client = await RawClient.open(port, clock);
    client.write(connectBytes(options));
    const connack = await client.next('connack');
    return Object.assign(client, { connack });
  }

  write(bytes: Uint8Array): void {
    this.socket.write(bytes);
  }

  send(packet: Packet): void {
    this.write(mqtt.generate(packet));
  }

  /** Takes the first packet of a kind, waiting for it; rejects when the connection closes first. */
  async next<Cmd extends Packet['cmd']>(
    cmd: Cmd,
    fits: (packet: Packet & { cmd: Cmd }) => boolean = () => true,
  ): Promise<Packet & { cmd: Cmd }> {
    const wanted = (packet: Packet): packet is Packet & { cmd: Cmd } =>
      packet.cmd === cmd && fits(packet as Packet & { cmd: Cmd });
    const late = this.#clock.now() + TIMEOUT_MS;
    for (;;) {
      const found = this.inbox.find(wanted);
      if (found !== undefined) {
        this.inbox.splice(this.inbox.indexOf(found), 1);
        return found;
      }
      if (this.socket.destroyed || this.#clock.now() > late)
        throw new EdgeError('EDGE_TIMEOUT', `no ${cmd} came`);
      await this.#change();
    }
  }

  /** Resolves with the granted QoS values, 128 for refused ones. */
  async subscribe(filters: string | readonly string[], qos: QoS = 0): Promise<unknown[]> {
    const messageId = this.#nextId();
    const topics = typeof filters === 'string' ? [filters] : filters;
    this.send({
      cmd: 'subscribe',
      messageId,
      subscriptions: topics.map((topic) => ({ topic, qos })),
    });
    const { granted } = await this.next('suback', (ack) => ack.messageId === messageId);
    return granted;
  }

  async unsubscribe(filter: string): Promise<void> {
    const messageId = this.#nextId();
    this.send({ cmd: 'unsubscribe', messageId, unsubscriptions: [filter] });
    await this.next('unsuback', (ack) => ack.messageId === messageId);
  }

  /** Sends, and for QoS 1 and 2 goes through the whole exchange. */
  async publish(
    topic: string,
    payload: string | Buffer,
    { qos = 0, retain = false }: { qos?: QoS; retain?: boolean } = {},
  ): Promise<void> {
    const messageId = qos === 0 ? undefined : this.#nextId();
    this.send(publishPacket(topic, payload, qos, retain, messageId));
    if (qos === 1) await this.next('puback', (ack) => ack.messageId === messageId);
    if (qos !== 2 || messageId === undefined) return;
    await this.next('pubrec', (ack) => ack.messageId === messageId);
    this.send({ cmd: 'pubrel', messageId });
    await this.next('pubcomp', (ack) => ack.messageId === messageId);
  }

  /** The next message, as text. */
  async message(): Promise<{ topic: string; text: string; packet: IPublishPacket }> {
    const packet = await this.next('publish');
    return { topic: packet.topic, text: packet.payload.toString(), packet };
  }

  /** Everything sent so far was handled: the broker answers in order. */
  async settled(): Promise<void> {
    this.send({ cmd: 'pingreq' });
    await this.next('pingresp');
  }

  async disconnect(): Promise<void> {
    this.send({ cmd: 'disconnect' });
    await this.closed;
  }

  /** As when the power fails at the client. */
  async vanish(): Promise<void> {
    this.socket.resetAndDestroy();
    await this.closed;
  }

  #received(packet: Packet): void {
    this.inbox.push(packet);
    if (this.acknowledges && packet.messageId !== undefined) {
      const { messageId } = packet;
      if (packet.cmd === 'publish')
        this.send({ cmd: packet.qos === 1 ? 'puback' : 'pubrec', messageId });
      if (packet.cmd === 'pubrel') this.send({ cmd: 'pubcomp', messageId });
    }
    this.#wake();
  }

  #change(): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.#clock.setTimer('raw client', TIMEOUT_MS, resolve);
      this.#changed.push(() => {
        timer.cancel();
        resolve();
      });
    });
  }

  #wake(): void {
    const waiting = this.#changed;
    this.#changed = [];
    for (const wake of waiting) wake();
  }

  #nextId(): number {
    return ++this.#packetId;
  }
}

export function connectBytes(options: Partial<IConnectPacket> = {}): Buffer {
  return mqtt.generate({
    cmd: 'connect',
    protocolId: 'MQTT',
    protocolVersion: 4,
    clientId: '',
    clean: true,
    keepalive: 0,
    ...options,
  });
}

export function publishPacket(
  topic: string,
  payload: string | Buffer,
  qos: QoS = 0,
  retain = false,
  messageId?: number,
): IPublishPacket {
  const id = messageId === undefined ? {} : { messageId };
  return { cmd: 'publish', topic, payload, qos, retain, dup: false, ...id };
}
