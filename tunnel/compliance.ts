import test, { type ExecutionContext } from 'ava';
import { EdgeError } from '#protocol/errors.js';
import { fingerprintOf, TestAuthority } from './test-authority.js';
import type { CloseReason, Connection, Identity, Listener, Transport } from './transport.js';

/** What an implementation brings to be judged. A fresh one is made for each test. */
export interface Subject {
  readonly transport: Transport;
  readonly listener: Listener;
  readonly url: string;
  readonly messageBytes: number;
  /** Waits, or moves time, until `condition` holds; fails the test after a generous while. */
  until(condition: () => boolean): Promise<void>;
  /** Breaks the link under all connections, so that neither end hears of the other again. */
  cut(): void;
  stop(): Promise<void>;
}

export type MakeSubject = (hub: Identity, clientAuthorities: readonly string[]) => Promise<Subject>;

/** One end with everything that it was told. */
interface End {
  readonly connection: Connection;
  readonly messages: Uint8Array[];
  readonly reasons: CloseReason[];
  drained: number;
}

interface Bench {
  readonly subject: Subject;
  readonly authority: TestAuthority;
  readonly accepted: End[];
  /** Connects a node and returns both ends. */
  pair(name?: string): Promise<{ gateway: End; hub: End }>;
  connect(identity: Identity, url?: string): Promise<Connection>;
}

/** The tests that every transport passes; `make` builds the one to be judged. */
export function compliance(name: string, make: MakeSubject): void {
  const judge = (title: string, run: (t: ExecutionContext, bench: Bench) => Promise<void>): void =>
    test(`${name}: ${title}`, async (t) => {
      const authority = new TestAuthority();
      const subject = await make(authority.hub(), [authority.certificate]);
      try {
        await run(t, benchOf(subject, authority));
      } finally {
        await subject.stop();
      }
    });

  judge('messages of every size arrive whole, both ways', async (t, bench) => {
    const { gateway, hub } = await bench.pair();
    const { messageBytes } = bench.subject;
    const sizes = [0, 1, 125, 126, 65_535, 65_536, messageBytes];
    for (const [from, to] of [
      [gateway, hub],
      [hub, gateway],
    ] as const) {
      for (const size of sizes) t.true(from.connection.send(pattern(size), 'twin'));
      await bench.subject.until(() => to.messages.length === sizes.length);
      const bySize = [...to.messages].sort((a, b) => a.length - b.length);
      t.deepEqual(bySize.map(digest), sizes.map(pattern).map(digest));
      t.is(to.connection.stats().receivedMessages, sizes.length);
    }
  });

  judge('a message that is too long is refused and harms nothing', async (t, bench) => {
    const { gateway, hub } = await bench.pair();
    const tooLong = pattern(bench.subject.messageBytes + 1);
    const error = t.throws(() => gateway.connection.send(tooLong, 'bulk'));
    t.true(error instanceof EdgeError && error.code === 'EDGE_LIMIT');
    t.true(gateway.connection.send(pattern(3), 'bulk'));
    await bench.subject.until(() => hub.messages.length === 1);
    t.deepEqual(hub.messages.map(digest), [digest(pattern(3))]);
  });

  judge('each of many messages arrives exactly once on a healthy link', async (t, bench) => {
    const { gateway, hub } = await bench.pair();
    const count = 2_000;
    for (let index = 0; index < count; index++)
      t.true(gateway.connection.send(numbered(index), 'control'));
    await bench.subject.until(() => hub.messages.length >= count);
    const seen = hub.messages.map(numberOf).sort((a, b) => a - b);
    t.deepEqual(
      seen,
      Array.from({ length: count }, (_, index) => index),
    );
  });

  judge('a full queue says so, loses nothing, and says when to go on', async (t, bench) => {
    const { gateway, hub } = await bench.pair();
    let sent = 0;
    while (gateway.connection.send(numbered(sent, 16_384), 'bulk')) sent++;
    t.true(sent > 4, `only ${sent} messages found room`);
    t.true(gateway.connection.stats().queuedBytes > 0);
    t.is(gateway.drained, 0);
    await bench.subject.until(() => gateway.drained === 1);
    t.true(gateway.connection.send(numbered(sent++, 16_384), 'bulk'));
    await bench.subject.until(() => hub.messages.length === sent);
    t.deepEqual(
      hub.messages.map(numberOf).sort((a, b) => a - b),
      Array.from({ length: sent }, (_, index) => index),
    );
    await bench.subject.until(() => gateway.connection.stats().queuedBytes === 0);
    t.is(gateway.drained, 1, 'said once, not with every message');
  });

  judge('a queue full of bulk still takes an urgent message, which overtakes', async (t, bench) => {
    const { gateway, hub } = await bench.pair();
    let bulk = 0;
    while (gateway.connection.send(numbered(bulk, 16_384), 'bulk')) bulk++;
    t.true(gateway.connection.send(pattern(7), 'control'));
    await bench.subject.until(() => hub.messages.length === bulk + 1);
    const place = hub.messages.findIndex((message) => message.length === 7);
    t.true(place < bulk / 2, `came as number ${place} of ${bulk + 1}`);
  });

  for (const code of ['normal', 'superseded', 'protocol', 'unauthorized', 'slow'] as const)
    judge(`a close with "${code}" is told to both ends exactly once`, async (t, bench) => {
      const { gateway, hub } = await bench.pair();
      hub.connection.close(code, 'because');
      hub.connection.close('normal', 'asked twice');
      t.false(hub.connection.send(pattern(1), 'control'));
      await bench.subject.until(() => gateway.reasons.length + hub.reasons.length >= 2);
      t.deepEqual(hub.reasons, [{ code, detail: 'because', remote: false }]);
      t.deepEqual(gateway.reasons, [{ code, detail: 'because', remote: true }]);
      t.false(gateway.connection.send(pattern(1), 'control'));
      gateway.connection.close('normal');
      t.is(gateway.reasons.length, 1);
    });

  judge('what was queued before a close still arrives', async (t, bench) => {
    const { gateway, hub } = await bench.pair();
    for (let index = 0; index < 20; index++)
      gateway.connection.send(numbered(index, 8_192), 'twin');
    gateway.connection.close('normal');
    await bench.subject.until(() => hub.reasons.length === 1 && gateway.reasons.length === 1);
    t.is(hub.messages.length, 20);
    t.deepEqual(hub.reasons, [{ code: 'normal', detail: '', remote: true }]);
  });

  judge('nothing is delivered to an end that has closed', async (t, bench) => {
    const { gateway, hub } = await bench.pair();
    gateway.connection.send(pattern(1), 'twin');
    await bench.subject.until(() => hub.messages.length === 1);
    gateway.connection.send(pattern(2), 'twin');
    hub.connection.close('normal');
    gateway.connection.send(pattern(3), 'twin');
    await bench.subject.until(() => gateway.reasons.length === 1 && hub.reasons.length === 1);
    t.is(hub.messages.length, 1);
  });

  judge('both ends close at once and each hears once', async (t, bench) => {
    const { gateway, hub } = await bench.pair();
    gateway.connection.close('slow');
    hub.connection.close('superseded');
    await bench.subject.until(() => gateway.reasons.length === 1 && hub.reasons.length === 1);
    t.is(gateway.reasons[0]?.code, 'slow');
    t.is(hub.reasons[0]?.code, 'superseded');
  });

  judge('a cut link is lost at both ends, once', async (t, bench) => {
    const { gateway, hub } = await bench.pair();
    bench.subject.cut();
    gateway.connection.send(pattern(1), 'twin');
    await bench.subject.until(() => gateway.reasons.length === 1 && hub.reasons.length === 1);
    t.deepEqual(
      [gateway, hub].map(({ reasons }) => reasons.map(({ code, remote }) => ({ code, remote }))),
      [[{ code: 'lost', remote: true }], [{ code: 'lost', remote: true }]],
    );
    t.is(hub.messages.length, 0);
    t.false(gateway.connection.send(pattern(1), 'twin'));
  });

  judge('many connections stay apart, each named by its certificate', async (t, bench) => {
    const names = Array.from({ length: 12 }, (_, index) => `gateway-${index}.site`);
    const identities = names.map((name) => bench.authority.node(name));
    const gateways = await Promise.all(
      identities.map((identity) => bench.connect(identity).then(endOf)),
    );
    await bench.subject.until(() => bench.accepted.length === names.length);
    t.deepEqual(bench.accepted.map(({ connection }) => connection.peer.name).sort(), names.sort());
    for (const { connection, messages } of bench.accepted) {
      const index = Number(/\d+/.exec(connection.peer.name)?.[0]);
      t.is(connection.peer.fingerprint, fingerprintOf(identities[index]?.certificate ?? ''));
      connection.send(numbered(index), 'twin');
      gateways[index]?.connection.send(numbered(100 + index), 'twin');
      await bench.subject.until(() => messages.length === 1);
      t.deepEqual(messages.map(numberOf), [100 + index]);
      await bench.subject.until(() => gateways[index]?.messages.length === 1);
      t.deepEqual(gateways[index]?.messages.map(numberOf), [index]);
    }
  });

  judge('the gateway sees the hub named by its host', async (t, bench) => {
    const { gateway } = await bench.pair();
    t.is(gateway.connection.peer.name, new URL(bench.subject.url).hostname);
    t.regex(gateway.connection.peer.fingerprint, /^[0-9a-f]{64}$/);
  });

  const strangers: readonly [string, (home: TestAuthority) => Identity][] = [
    ['of a foreign authority', (home) => trusting(home, new TestAuthority().node('gw-1'))],
    [
      'of an authority that only borrowed the name',
      (home) => trusting(home, new TestAuthority('test authority').node('gw-1')),
    ],
    ['for a server', (home) => home.issue({ names: ['urn:edgetwin:node:gw-1'], usage: 'server' })],
    ['for no purpose', (home) => home.issue({ names: ['urn:edgetwin:node:gw-1'] })],
    [
      'of an authority itself',
      (home) =>
        home.issue({
          names: ['urn:edgetwin:node:gw-1'],
          usage: 'client',
          isAuthority: true,
        }),
    ],
    ['without a name', (home) => home.issue({ names: [], usage: 'client' })],
    ['with a bad name', (home) => home.node('GW 1')],
    ['with a name that is too long', (home) => home.node('a'.repeat(64))],
    [
      'with two names',
      (home) =>
        home.issue({
          names: ['urn:edgetwin:node:gw-1', 'urn:edgetwin:node:gw-2'],
          usage: 'client',
        }),
    ],
  ];
  for (const [what, make] of strangers)
    judge(`a client certificate ${what} is refused`, async (t, bench) => {
      const error = await t.throwsAsync(bench.connect(make(bench.authority)));
      t.true(error instanceof EdgeError && error.code === 'EDGE_UNAUTHENTICATED', error.message);
      t.is(bench.accepted.length, 0);
    });

  judge('a hub of a foreign authority is refused', async (t, bench) => {
    const foreign = new TestAuthority();
    const identity = { ...bench.authority.node('gw-1'), authorities: [foreign.certificate] };
    const error = await t.throwsAsync(bench.connect(identity));
    t.true(error instanceof EdgeError && error.code === 'EDGE_CERTIFICATE', error.message);
    t.is(bench.accepted.length, 0);
  });

  judge('an aborted dial is refused with EDGE_CONNECTION', async (t, bench) => {
    const { url, transport } = bench.subject;
    const identity = bench.authority.node('gw-1');
    const before = AbortSignal.abort();
    const during = new AbortController();
    const dials = [before, during.signal].map((signal) =>
      transport.connect({ url, identity, signal }),
    );
    during.abort();
    for (const dial of dials) {
      const error = await t.throwsAsync(dial);
      t.true(error instanceof EdgeError && error.code === 'EDGE_CONNECTION', error.message);
    }
  });

  judge('a hub that closes says goodbye and lets nobody in', async (t, bench) => {
    const { gateway, hub } = await bench.pair();
    const closed = bench.subject.listener.close();
    await bench.subject.until(() => gateway.reasons.length === 1 && hub.reasons.length === 1);
    await closed;
    t.is(gateway.reasons[0]?.code, 'normal');
    const error = await t.throwsAsync(bench.connect(bench.authority.node('gw-1')));
    t.true(error instanceof EdgeError && error.code === 'EDGE_CONNECTION', error.message);
  });
}

function benchOf(subject: Subject, authority: TestAuthority): Bench {
  const accepted: End[] = [];
  subject.listener.onConnection((connection) => accepted.push(endOf(connection)));
  /** Dials while time moves: the promise alone would wait for ever on a manual clock. */
  const connect = async (identity: Identity, url = subject.url): Promise<Connection> => {
    let settled = false;
    const dial = subject.transport.connect({ url, identity }).finally(() => (settled = true));
    dial.catch(() => undefined);
    await subject.until(() => settled);
    return dial;
  };
  const pair = async (name = 'gateway-1'): Promise<{ gateway: End; hub: End }> => {
    const gateway = endOf(await connect(authority.node(name)));
    await subject.until(() => accepted.some(({ connection }) => connection.peer.name === name));
    const hub = accepted.find(({ connection }) => connection.peer.name === name);
    if (hub === undefined) throw new EdgeError('EDGE_INTERNAL', 'The hub lost the connection.');
    return { gateway, hub };
  };
  return { subject, authority, accepted, pair, connect };
}

function endOf(connection: Connection): End {
  const end: End = { connection, messages: [], reasons: [], drained: 0 };
  connection.onMessage((message) => end.messages.push(message.slice()));
  connection.onClose((reason) => end.reasons.push(reason));
  connection.onDrained(() => end.drained++);
  return end;
}

function trusting(home: TestAuthority, identity: Identity): Identity {
  return { ...identity, authorities: [home.certificate] };
}

function pattern(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, index) => (index * 31 + length) & 0xff);
}

function numbered(index: number, length = 4): Uint8Array {
  const message = new Uint8Array(length);
  new DataView(message.buffer).setUint32(0, index);
  return message;
}

function numberOf(message: Uint8Array): number {
  return new DataView(message.buffer, message.byteOffset).getUint32(0);
}

/** Length and a checksum: a failed comparison of 256 KiB would print for minutes. */
function digest(message: Uint8Array): string {
  return `${message.length}:${message.reduce((sum, byte) => (sum * 33 + byte) >>> 0, 5381)}`;
}
