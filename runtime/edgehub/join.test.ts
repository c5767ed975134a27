import { createPrivateKey, X509Certificate } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join as joinPath } from 'node:path';
import type { TLSSocket } from 'node:tls';
import test, { type ExecutionContext } from 'ava';
import { systemClock } from '#protocol/clock.js';
import { ManualClock } from '#protocol/manual-clock.js';
import { systemRandom, type Random } from '#protocol/random.js';
import { TestAuthority } from '#tunnel/test-authority.js';
import type { Identity } from '#tunnel/transport.js';
import { IdentityFiles } from './identity-files.js';
import { join, loadIdentity } from './join.js';
import { answer, TestJoinHub, type Serve } from './test-join-hub.js';

async function folder(t: ExecutionContext): Promise<string> {
  const path = await mkdtemp(joinPath(tmpdir(), 'join-'));
  t.teardown(() => rm(path, { recursive: true }));
  return path;
}

async function hubThat(
  t: ExecutionContext,
  serve: Serve = honest,
  identity?: Identity,
  authority?: TestAuthority,
): Promise<TestJoinHub> {
  const hub = await new TestJoinHub(serve, identity, authority).start();
  t.teardown(() => hub.stop());
  return hub;
}

const honest: Serve = (body, socket, hub) => answer(socket, hub.certify(body));
const SECRET = '5e'.repeat(16);

test('a join leaves a key that nobody else can read, its certificate, the authority and the hub', async (t) => {
  const [dataDir, hub] = [await folder(t), await hubThat(t)];
  const joined = await join({ token: hub.token(), dataDir, node: 'gw-1' });
  t.deepEqual((await readdir(dataDir)).sort(), ['ca.crt', 'hub.json', 'node.crt', 'node.key']);
  t.is((await stat(joinPath(dataDir, 'node.key'))).mode & 0o777, 0o600);
  const loaded = await loadIdentity(dataDir);
  t.like(loaded, joined);
  const { identity } = loaded!;
  const certificate = new X509Certificate(identity.certificate);
  t.true(certificate.checkPrivateKey(createPrivateKey(identity.key)));
  t.is(certificate.subjectAltName, 'URI:urn:edgetwin:node:gw-1');
  t.deepEqual(identity.authorities, [new X509Certificate(hub.authority.certificate).toString()]);
  t.false(hub.heard.includes('PRIVATE'));
});

test('before the first join there is no identity', async (t) => {
  t.is(await loadIdentity(await folder(t)), undefined);
});

test('an identity is not overwritten unless forced', async (t) => {
  const [dataDir, hub] = [await folder(t), await hubThat(t)];
  await join({ token: hub.token(), dataDir, node: 'gw-1' });
  const before = await loadIdentity(dataDir);
  await t.throwsAsync(join({ token: hub.token(), dataDir, node: 'gw-1' }), {
    code: 'EDGE_CERTIFICATE',
  });
  t.is(hub.connections, 1);
  t.deepEqual(await loadIdentity(dataDir), before);
  await join({ token: hub.token(), dataDir, node: 'gw-1', force: true });
  t.notDeepEqual((await loadIdentity(dataDir))?.identity.key, before?.identity.key);
});

test('E37: a token for another node is refused before anybody is called', async (t) => {
  const [dataDir, hub] = [await folder(t), await hubThat(t)];
  await t.throwsAsync(join({ token: hub.token(), dataDir, node: 'gw-2' }), { code: 'EDGE_TOKEN' });
  await t.throwsAsync(join({ token: 'edgetwin1.x', dataDir, node: 'gw-1' }), {
    code: 'EDGE_TOKEN',
  });
  t.is(hub.connections, 0);
});

const home = new TestAuthority();
const far = Date.UTC(2026, 0);
for (const [what, identity] of [
  ['another authority', new TestAuthority().hub()],
  ['another authority of the same name', new TestAuthority('test authority').hub()],
  [
    'another authority that shows ours in its chain',
    { ...new TestAuthority('test authority').hub(), append: home.certificate },
  ],
  ['another host name', home.issue({ names: ['localhost', '10.0.0.1'], usage: 'server' })],
  ['a node’s certificate', home.issue({ names: ['127.0.0.1'], usage: 'client', fromMs: far })],
  [
    'a lapsed certificate',
    home.issue({ names: ['127.0.0.1'], usage: 'server', untilMs: Date.UTC(2025, 0) }),
  ],
] as const)
  for (const [when, clock] of [
    ['', systemClock],
    [', also with the clock at 2040', new ManualClock(Date.UTC(2040, 0))],
  ] as const)
    test(`a hub with ${what} is never told the secret${when}`, async (t) => {
      const append = 'append' in identity ? identity.append : '';
      const shown = { ...identity, certificate: identity.certificate + append };
      const [dataDir, hub] = [await folder(t), await hubThat(t, honest, shown, home)];
      await t.throwsAsync(join({ token: hub.token(), dataDir, node: 'gw-1', clock }), {
        code: 'EDGE_CERTIFICATE',
      });
      // One that may only be late is asked for the time, which is no secret.
      t.notRegex(hub.heard, /v1\/join/);
      t.false(hub.heard.includes(SECRET));
      t.is(await loadIdentity(dataDir), undefined);
    });

const NOW_MS = Date.UTC(2026, 10, 20);
const at2040 = (): ManualClock => new ManualClock(Date.UTC(2040, 0));
const thisYear = (authority: TestAuthority) =>
  authority.issue({
    names: ['127.0.0.1'],
    usage: 'server',
    fromMs: far,
    untilMs: Date.UTC(2027, 0),
  });

test('K58: with the clock at 2040 the true hub is joined, by the time that its authority signs', async (t) => {
  const authority = new TestAuthority();
  const hub = await hubThat(t, honest, thisYear(authority), authority);
  hub.time = { wallMs: NOW_MS, signer: authority };
  const dataDir = await folder(t);
  await join({ token: hub.token(), dataDir, node: 'gw-1', clock: at2040() });
  t.is((await loadIdentity(dataDir))?.node, 'gw-1');
});

for (const [what, signer, wallMs] of [
  ['signs the time with another key', new TestAuthority('test authority'), NOW_MS],
  ['passes the true time on', home, Date.UTC(2028, 0)],
] as const)
  test(`K58: whoever has a lapsed certificate of the hub and ${what} is refused`, async (t) => {
    const hub = await hubThat(t, honest, thisYear(home), home);
    hub.time = { wallMs, signer };
    const joining = join({
      ...{ token: hub.token(), dataDir: await folder(t), node: 'gw-1' },
      clock: at2040(),
    });
    await t.throwsAsync(joining, { code: 'EDGE_CERTIFICATE', message: /expired/ });
    t.false(hub.heard.includes(SECRET));
  });

test('K58: with the clock at 1970 the true hub is joined, an evil one is not', async (t) => {
  const authority = new TestAuthority();
  const young = { names: ['127.0.0.1'], usage: 'server', fromMs: far } as const;
  const hub = await hubThat(t, honest, authority.issue(young), authority);
  const clock = new ManualClock(0);
  await join({ token: hub.token(), dataDir: await folder(t), node: 'gw-1', clock });
  const evil = await hubThat(t, honest, new TestAuthority().issue(young), authority);
  await t.throwsAsync(
    join({ token: evil.token(), dataDir: await folder(t), node: 'gw-1', clock }),
    { code: 'EDGE_CERTIFICATE' },
  );
  t.false(evil.heard.includes(SECRET));
});

const otherKey = new TestAuthority().node('gw-1').certificate;
const evilAnswers: readonly [string, Serve][] = [
  ['certifies another node', (body, socket, hub) => answer(socket, hub.certify(body, 'gw-2'))],
  [
    'certifies by another authority',
    (body, socket, hub) => answer(socket, hub.certify(body, 'gw-1', new TestAuthority())),
  ],
  [
    'brings another authority',
    (body, socket) => {
      const other = new TestJoinHub(honest);
      answer(socket, other.certify(body));
    },
  ],
  [
    'certifies another key',
    (body, socket, hub) => answer(socket, { ...hub.certify(body), certificate: otherKey }),
  ],
  [
    'certifies our name by the authority but for another key',
    (body, socket, hub) =>
      answer(socket, {
        ...hub.certify(body),
        certificate: hub.authority.node('gw-1').certificate,
      }),
  ],
  [
    'certifies no PEM',
    (body, socket, hub) => answer(socket, { ...hub.certify(body), certificate: 'x' }),
  ],
];
for (const [what, serve] of evilAnswers)
  test(`an answer that ${what} is not adopted`, async (t) => {
    const [dataDir, hub] = [await folder(t), await hubThat(t, serve)];
    await t.throwsAsync(join({ token: hub.token(), dataDir, node: 'gw-1' }), {
      code: 'EDGE_CERTIFICATE',
    });
    t.is(await loadIdentity(dataDir), undefined);
  });

function pour(socket: TLSSocket, text: string): void {
  const more = (): void => {
    while (!socket.destroyed && socket.write(text));
  };
  socket.on('drain', more);
  more();
}

const brokenAnswers: readonly [string, string, Serve][] = [
  [
    'is endless',
    'EDGE_LIMIT',
    (_body, socket) => {
      socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n');
      pour(socket, `4000\r\n${' '.repeat(0x4000)}\r\n`);
    },
  ],
  [
    'has endless headers',
    'EDGE_CONNECTION',
    (_body, socket) => {
      socket.write('HTTP/1.1 200 OK\r\n');
      pour(socket, 'X: yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy\r\n');
    },
  ],
  ['is no HTTP', 'EDGE_CONNECTION', (_body, socket) => socket.end('\x00\xffhello\r\n\r\n')],
  [
    'ends early',
    'EDGE_CONNECTION',
    (_b, socket) => socket.end('HTTP/1.1 200 X\r\nContent-Length: 9\r\n\r\n{'),
  ],
  ['is empty', 'EDGE_MALFORMED', (_body, socket) => answer(socket, {})],
  ['is a list', 'EDGE_MALFORMED', (_body, socket) => answer(socket, [])],
  [
    'has numbers',
    'EDGE_MALFORMED',
    (_b, socket) => answer(socket, { node: 1, certificate: 2, authority: 3 }),
  ],
  [
    'is a refusal',
    'EDGE_TOKEN',
    (_b, socket) => answer(socket, { code: 'EDGE_TOKEN', detail: 'no' }, 403),
  ],
  [
    'has a code nobody knows',
    'EDGE_CONNECTION',
    (_b, socket) => answer(socket, { code: 'constructor' }, 500),
  ],
  ['is a redirect', 'EDGE_CONNECTION', (_b, socket) => answer(socket, {}, 302)],
];
for (const [what, code, serve] of brokenAnswers)
  test(`an answer that ${what} is ${code}`, async (t) => {
    const [dataDir, hub] = [await folder(t), await hubThat(t, serve)];
    await t.throwsAsync(join({ token: hub.token(), dataDir, node: 'gw-1' }), { code });
    t.is(await loadIdentity(dataDir), undefined);
  });

test('a hub that says nothing is given up after 30 s', async (t) => {
  const clock = new ManualClock(systemClock.wallTime());
  let ask: () => void = () => undefined;
  const asked = new Promise<void>((resolve) => (ask = resolve));
  const hub = await hubThat(t, () => ask());
  const dial = join({ token: hub.token(), dataDir: await folder(t), node: 'gw-1', clock });
  await asked;
  clock.advance(30_000);
  await t.throwsAsync(dial, { code: 'EDGE_TIMEOUT' });
});

test('nobody at the address is EDGE_CONNECTION, and the token stays good', async (t) => {
  const hub = new TestJoinHub(honest);
  const token = hub.token({ hub: 'wss://127.0.0.1:1' });
  const error = await t.throwsAsync(join({ token, dataDir: await folder(t), node: 'gw-1' }), {
    code: 'EDGE_CONNECTION',
  });
  t.true(error instanceof Error);
});

test('after a lost answer the same key is offered again', async (t) => {
  const keys: string[] = [];
  const hub = await hubThat(t, (body, socket, self) => {
    keys.push((JSON.parse(body) as { csr: string }).csr.slice(8, 150));
    if (keys.length === 1) socket.destroy();
    else answer(socket, self.certify(body));
  });
  const dataDir = await folder(t);
  const options = { token: hub.token(), dataDir, node: 'gw-1' };
  await t.throwsAsync(join(options), { code: 'EDGE_CONNECTION' });
  t.is(await loadIdentity(dataDir), undefined);
  await join(options);
  t.is(keys[0], keys[1]);
  t.is((await loadIdentity(dataDir))?.node, 'gw-1');
});

/** Every folder that a power cut during a join over `before` can leave, oldest first. */
async function crashStates(
  t: ExecutionContext,
  before: string | undefined,
): Promise<Map<string, Buffer>[]> {
  const dataDir = await folder(t);
  const contents = async (): Promise<Map<string, Buffer>> => {
    const names = (await readdir(dataDir)).sort();
    const files = names.map(
      async (name) => [name, await readFile(joinPath(dataDir, name))] as const,
    );
    return new Map(await Promise.all(files));
  };
  if (before !== undefined)
    for (const name of await readdir(before))
      await writeFile(joinPath(dataDir, name), await readFile(joinPath(before, name)));
  const hub = await hubThat(t);
  const states = [await contents()];
  // The join stages four files, then renames them one by one: each prefix is a state.
  const staging = new IdentityFiles(dataDir, systemRandom);
  await staging.stagedKey();
  states.push(await contents());
  const identity = hub.authority.node('gw-1');
  const step = (change: (state: Map<string, Buffer>) => void): void => {
    const next = new Map(states.at(-1));
    change(next);
    states.push(next);
  };
  step((state) => state.set('node.key.next', Buffer.from(identity.key)));
  const hubFile = JSON.stringify({ hub: 'wss://new:1', node: 'gw-1' });
  for (const [name, text] of [
    ['node.crt', identity.certificate],
    ['ca.crt', hub.authority.certificate],
    ['hub.json', hubFile],
  ] as const)
    step((state) => state.set(`${name}.next`, Buffer.from(text)));
  for (const name of ['node.key', 'node.crt', 'ca.crt', 'hub.json'])
    step((state) => {
      state.set(name, state.get(`${name}.next`)!);
      state.delete(`${name}.next`);
    });
  return states;
}

for (const [what, isFirst] of [
  ['a first join', true],
  ['a join over an identity', false],
] as const)
  test(`a power cut at any step of ${what} leaves the old identity or the new, and a join works`, async (t) => {
    const old = await folder(t);
    const hub = await hubThat(t);
    if (!isFirst) await join({ token: hub.token(), dataDir: old, node: 'gw-1' });
    const before = await loadIdentity(old);
    const hubs: (string | undefined)[] = [];
    for (const state of await crashStates(t, isFirst ? undefined : old)) {
      const dataDir = await folder(t);
      for (const [name, bytes] of state) await writeFile(joinPath(dataDir, name), bytes);
      const loaded = await loadIdentity(dataDir);
      hubs.push(loaded?.hub);
      if (loaded?.hub !== 'wss://new:1') t.deepEqual(loaded, before);
      await join({ token: hub.token(), dataDir, node: 'gw-1', force: true });
      t.deepEqual((await readdir(dataDir)).sort(), ['ca.crt', 'hub.json', 'node.crt', 'node.key']);
    }
    const turn = hubs.indexOf('wss://new:1');
    t.true(turn > 0);
    t.true(hubs.slice(turn).every((url) => url === 'wss://new:1'));
  });

test('a join that dies before any of its four writes changes nothing and may be repeated', async (t) => {
  const hub = await hubThat(t);
  for (const isFirst of [true, false])
    for (const writes of [0, 1, 2, 3]) {
      const dataDir = await folder(t);
      if (!isFirst) await join({ token: hub.token(), dataDir, node: 'gw-1' });
      const before = await loadIdentity(dataDir);
      const options = { token: hub.token(), dataDir, node: 'gw-1', force: true };
      await t.throwsAsync(join({ ...options, random: dyingAfter(writes) }), { message: 'died' });
      t.deepEqual(await loadIdentity(dataDir), before);
      await join(options);
      t.notDeepEqual(await loadIdentity(dataDir), before);
    }
});

/** Each write of a private file asks once for the name of its temporary file. */
function dyingAfter(writes: number): Random {
  let left = writes;
  return {
    ...systemRandom,
    bytes: (length) => {
      if (left-- === 0) throw new Error('died');
      return systemRandom.bytes(length);
    },
  };
}

for (const name of ['node.key', 'node.crt', 'ca.crt', 'hub.json'])
  test(`an identity whose ${name} is damaged says so`, async (t) => {
    const [dataDir, hub] = [await folder(t), await hubThat(t)];
    await join({ token: hub.token(), dataDir, node: 'gw-1' });
    await writeFile(joinPath(dataDir, name), 'damaged');
    await t.throwsAsync(loadIdentity(dataDir), { code: 'EDGE_CERTIFICATE' });
    await t.throwsAsync(join({ token: hub.token(), dataDir, node: 'gw-1' }), {
      code: 'EDGE_CERTIFICATE',
    });
  });
