import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import anyTest from 'ava';
import type { TestFn } from 'ava';
import type { JsonSchema } from './json-schema.js';
import { MemoryStorage } from '#journal/memory-storage.js';
import { openStore } from '#journal/journal-store.js';
import { ManualClock } from '#protocol/manual-clock.js';
import { seededRandom } from '#protocol/random.js';
import { silentLog } from '#protocol/log.js';
import { Operators } from './operators.js';
import type { OperatorTables } from './operators.js';
import { answerSchema, schemaBreaches } from './openapi-check.js';
import { ServedFleet } from './served-fleet.js';

const test = anyTest as TestFn<{ hub: ServedFleet; document: JsonSchema }>;

test.beforeEach(async (t) => {
  const hub = await ServedFleet.start();
  const document = (await (await fetch(`${hub.url}/openapi.json`)).json()) as JsonSchema;
  t.context = { hub, document };
});

test.afterEach.always((t) => t.context.hub.stop());

interface Ask {
  readonly token?: string;
  readonly method?: string;
  readonly body?: unknown;
  readonly headers?: Record<string, string>;
}

type Context = { hub: ServedFleet; document: JsonSchema };

/** Asks, and holds the answer against what the served OpenAPI document says of it. */
async function ask({ hub, document }: Context, route: string, path: string, options: Ask = {}) {
  const { token, method = 'GET', body, headers } = options;
  const response = await fetch(hub.url + path, {
    method,
    headers: { ...(token === undefined ? {} : { authorization: `Bearer ${token}` }), ...headers },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  const mediaType = response.headers.get('content-type')?.split(';')[0] ?? '';
  const text = await response.text();
  const parsed: unknown = text === '' ? undefined : JSON.parse(text);
  const schema = answerSchema(document, method, route, response.status, mediaType);
  const breaches =
    response.status === 204 || schema === undefined
      ? response.status === 204
        ? []
        : [`no schema for ${method} ${route} ${response.status} ${mediaType}`]
      : schemaBreaches(document, schema, parsed);
  if (breaches.length > 0) throw new Error(`${route}: ${breaches.join('; ')}\n${text}`);
  return { status: response.status, body: parsed as Record<string, unknown>, response };
}

const DEVICE = '/api/v1/devices/{namespace}/{name}';
const PROPERTY = `${DEVICE}/properties/{property}`;
const DESIRED = `${PROPERTY}/desired`;
const SETPOINT = '/api/v1/devices/default/meter/properties/setpoint';

test('nodes and devices are listed and shown', async (t) => {
  const token = await t.context.hub.token('viewer');
  const nodes = await ask(t.context, '/api/v1/nodes', '/api/v1/nodes', { token });
  t.like(nodes.body, { nodes: [{ name: 'pi-1', online: true }] });
  const node = await ask(t.context, '/api/v1/nodes/{node}', '/api/v1/nodes/pi-1', { token });
  t.is(node.body['name'], 'pi-1');
  const devices = await ask(t.context, '/api/v1/devices', '/api/v1/devices?node=pi-1', { token });
  t.like(devices.body, { devices: [{ id: 'default/meter', node: 'pi-1' }] });
  const none = await ask(t.context, '/api/v1/devices', '/api/v1/devices?node=pi-2', { token });
  t.deepEqual(none.body, { devices: [] });
  t.context.hub.fleet.report('default/meter', 'level', 12.5);
  const device = await ask(t.context, DEVICE, '/api/v1/devices/default/meter', { token });
  t.like(device.body, {
    id: 'default/meter',
    properties: [{ name: 'setpoint' }, { name: 'level', reported: { value: 12.5 } }],
  });
});

test('lists come in pages that together hold everything once', async (t) => {
  const { hub } = t.context;
  const token = await hub.token('viewer');
  const { sampleDevice } = await import('./memory-fleet.js');
  for (let index = 0; index < 7; index++) hub.fleet.putDevice(sampleDevice(`a/d${index}`, 'pi-1'));
  const seen: string[] = [];
  for (let after = ''; ;) {
    const path = `/api/v1/devices?limit=3&after=${encodeURIComponent(after)}`;
    const { body } = await ask(t.context, '/api/v1/devices', path, { token });
    const { devices, next } = body as { devices: { id: string }[]; next?: string };
    t.true(devices.length <= 3);
    seen.push(...devices.map(({ id }) => id));
    if (next === undefined) break;
    after = next;
  }
  t.deepEqual(
    seen,
    hub.fleet.devices().map(({ description }) => description.id),
  );
});

test('what is not there is 404 with a code of its own', async (t) => {
  const token = await t.context.hub.token('operator');
  for (const [route, path, code] of [
    ['/api/v1/nodes/{node}', '/api/v1/nodes/pi-9', 'EDGE_NO_NODE'],
    [DEVICE, '/api/v1/devices/default/none', 'EDGE_NO_DEVICE'],
    [PROPERTY, '/api/v1/devices/default/meter/properties/none', 'EDGE_NO_PROPERTY'],
    [DEVICE, '/api/v1/devices/__proto__/constructor', 'EDGE_NO_DEVICE'],
    [PROPERTY, '/api/v1/devices/default/meter/properties/a%2Fb', 'EDGE_NO_PROPERTY'],
  ] as const) {
    const { status, body } = await ask(t.context, route, path, { token });
    t.is(status, 404, path);
    t.is(body['code'], code, path);
  }
});

test('a desired value is accepted with its version as ETag, and the property shows both', async (t) => {
  const { hub } = t.context;
  const token = await hub.token('operator');
  const before = await ask(t.context, PROPERTY, SETPOINT, { token });
  t.is(before.response.headers.get('etag'), '"0.0"');
  const set = await ask(t.context, DESIRED, `${SETPOINT}/desired`, {
    token,
    method: 'PUT',
    body: { value: 42.5 },
  });
  t.is(set.status, 202);
  t.like(set.body, { device: 'default/meter', property: 'setpoint', desired: { value: 42.5 } });
  const etag = set.response.headers.get('etag');
  const after = await ask(t.context, PROPERTY, SETPOINT, { token });
  t.is(after.response.headers.get('etag'), etag);
  t.like(after.body, { desired: { value: 42.5 }, state: 'pending' });
});

test('what a desired value breaks has its own status and code, and nothing is stored', async (t) => {
  const { hub } = t.context;
  const token = await hub.token('operator');
  const put = (property: string, body: unknown, headers: Record<string, string> = {}) =>
    ask(t.context, DESIRED, `/api/v1/devices/default/meter/properties/${property}/desired`, {
      ...{ token, method: 'PUT', body, headers },
    });
  for (const [property, body, status, code] of [
    ['setpoint', { value: 100.5 }, 422, 'EDGE_RANGE'],
    ['setpoint', { value: 'high' }, 422, 'EDGE_TYPE'],
    ['level', { value: 1 }, 405, 'EDGE_READ_ONLY'],
    ['none', { value: 1 }, 404, 'EDGE_NO_PROPERTY'],
    ['setpoint', {}, 400, 'EDGE_MALFORMED'],
    ['setpoint', { value: 1, extra: 2 }, 400, 'EDGE_MALFORMED'],
    ['setpoint', 'null', 400, 'EDGE_MALFORMED'],
    ['setpoint', '[]', 400, 'EDGE_MALFORMED'],
    ['setpoint', '"text"', 400, 'EDGE_MALFORMED'],
    ['setpoint', '{"value":', 400, 'EDGE_MALFORMED'],
    ['setpoint', '{"value":1e400}', 400, 'EDGE_MALFORMED'],
    ['setpoint', '{"value":"\\ud800"}', 400, 'EDGE_MALFORMED'],
    ['setpoint', '{"value":{"__proto__":{"x":1}}}', 400, 'EDGE_MALFORMED'],
    ['setpoint', '{"__proto__":{"value":1}}', 400, 'EDGE_MALFORMED'],
    ['setpoint', '{"value":1,"__proto__":{"admin":true}}', 400, 'EDGE_MALFORMED'],
    ['setpoint', `{"value":${'['.repeat(8_000)}${']'.repeat(8_000)}}`, 413, 'EDGE_LIMIT'],
    ['setpoint', { value: 'x'.repeat(9_000) }, 413, 'EDGE_LIMIT'],
    ['setpoint', { value: 'x'.repeat(20_000) }, 413, 'EDGE_LIMIT'],
  ] as const) {
    const answer = await put(property, body);
    const label = JSON.stringify(body).slice(0, 60);
    t.is(answer.status, status, label);
    t.is(answer.body['code'], code, label);
  }
  for (const tag of ['1.1', '*', 'W/"1.1"', '"1.1", "1.2"', '"x"'])
    t.is((await put('setpoint', { value: 1 }, { 'if-match': tag })).status, 400, tag);
  const properties = hub.fleet.device('default/meter')!.properties;
  t.true(properties.every(({ desired }) => desired === undefined));
});

test('B16: of fifty writers with the same If-Match exactly one wins', async (t) => {
  const token = await t.context.hub.token('operator');
  const answers = await Promise.all(
    Array.from({ length: 50 }, (_, value) =>
      ask(t.context, DESIRED, `${SETPOINT}/desired`, {
        ...{ token, method: 'PUT', body: { value } },
        headers: { 'if-match': '"0.0"' },
      }),
    ),
  );
  const statuses = answers.map(({ status }) => status);
  t.is(statuses.filter((status) => status === 202).length, 1);
  t.is(statuses.filter((status) => status === 412).length, 49);
});

test('H50: each role may do its own and what is below it, nothing above', async (t) => {
  const { hub } = t.context;
  const requests = [
    ['viewer', '/api/v1/nodes', '/api/v1/nodes', 'GET', undefined],
    ['operator', DESIRED, `${SETPOINT}/desired`, 'PUT', { value: 1 }],
    ['admin', '/api/v1/tokens', '/api/v1/tokens', 'POST', { node: 'pi-2' }],
    ['admin', '/api/v1/operators', '/api/v1/operators', 'GET', undefined],
  ] as const;
  const ranks = ['viewer', 'operator', 'admin'];
  for (const [held, token] of [
    [-1, undefined],
    [0, await hub.token('viewer')],
    [1, await hub.token('operator')],
    [2, await hub.token('admin')],
  ] as const)
    for (const [needed, route, path, method, body] of requests) {
      const asked = { method, ...(token === undefined ? {} : { token }) };
      const { status } = await ask(t.context, route, path, { ...asked, body });
      const expected = held < 0 ? 401 : held < ranks.indexOf(needed) ? 403 : 200;
      t.is(status < 300 ? 200 : status, expected, `${ranks[held] ?? 'nobody'} ${method} ${path}`);
    }
});

test('an admin makes, lists and removes operators; a removed token is refused at once', async (t) => {
  const token = await t.context.hub.token('admin');
  const route = '/api/v1/operators';
  const made = await ask(t.context, route, route, {
    ...{ token, method: 'POST', body: { name: 'ann', role: 'viewer' } },
  });
  t.is(made.status, 201);
  const ann = String(made.body['token']);
  t.regex(ann, /^edgetwin-op-[A-Za-z0-9_-]{43}$/);
  t.is((await ask(t.context, '/api/v1/nodes', '/api/v1/nodes', { token: ann })).status, 200);
  const again = { token, method: 'POST', body: { name: 'ann', role: 'viewer' } };
  t.is((await ask(t.context, route, route, again)).status, 409);
  for (const body of [
    { name: 'Ann' },
    { name: 'x', role: 'root' },
    { name: '../x', role: 'viewer' },
  ])
    t.is((await ask(t.context, route, route, { token, method: 'POST', body })).status, 400);
  const listed = await ask(t.context, route, route, { token });
  t.false(JSON.stringify(listed.body).includes('oken'));
  const remove = { token, method: 'DELETE' };
  const one = `${route}/{operator}`;
  t.is((await ask(t.context, one, `${route}/ann`, remove)).status, 204);
  t.is((await ask(t.context, one, `${route}/ann`, remove)).status, 404);
  t.is((await ask(t.context, '/api/v1/nodes', '/api/v1/nodes', { token: ann })).status, 401);
});

test('H50: a token of some nodes sees and sets nothing outside of them, and manages nothing', async (t) => {
  const { hub } = t.context;
  const { sampleDevice } = await import('./memory-fleet.js');
  hub.fleet.putNode({ name: 'plant-1', online: true, epoch: 1, devices: 1, alarms: [] });
  hub.fleet.putDevice(sampleDevice('plant/pump', 'plant-1'));
  const admin = await hub.token('admin');
  const route = '/api/v1/operators';
  const scoped = { name: 'ann', role: 'operator', nodes: ['plant-*'], ttlHours: 1 };
  const made = await ask(t.context, route, route, { token: admin, method: 'POST', body: scoped });
  t.like(made.body, { nodes: ['plant-*'] });
  const token = String(made.body['token']);
  const nodes = await ask(t.context, '/api/v1/nodes', '/api/v1/nodes', { token });
  t.like(nodes.body, { nodes: [{ name: 'plant-1' }], next: undefined });
  const devices = await ask(t.context, '/api/v1/devices', '/api/v1/devices', { token });
  t.deepEqual(
    (devices.body['devices'] as { id: string }[]).map(({ id }) => id),
    ['plant/pump'],
  );
  const put = { token, method: 'PUT', body: { value: 1 } };
  const own = '/api/v1/devices/plant/pump/properties/setpoint/desired';
  t.is((await ask(t.context, DESIRED, own, put)).status, 202);
  t.is((await ask(t.context, DESIRED, `${SETPOINT}/desired`, put)).status, 404);
  t.is((await ask(t.context, PROPERTY, SETPOINT, { token })).status, 404);
  t.is((await ask(t.context, '/api/v1/nodes/{node}', '/api/v1/nodes/pi-1', { token })).status, 404);
  t.is((await ask(t.context, DEVICE, '/api/v1/devices/default/meter', { token })).status, 404);
  for (const [needed, path, method] of hub.server.routes
    .filter(({ access, scoped: ok }) => access !== 'open' && access !== 'local' && ok !== true)
    .map(({ access, path: at, method: how }) => [access, at, how] as const)) {
    const { status } = await fetch(hub.url + path.replaceAll(/\{\w+\}/g, 'x'), {
      method,
      headers: { authorization: `Bearer ${token}` },
    });
    t.is(status, 403, `${needed} ${method} ${path}`);
  }
  for (const wrong of [[], ['Plant'], ['a/b'], ['*x'], 'plant-1'])
    t.is(
      (
        await ask(t.context, route, route, {
          ...{ token: admin, method: 'POST', body: { ...scoped, name: 'x', nodes: wrong } },
        })
      ).status,
      400,
    );
});

test('H50: a token whose time is over is refused', async (t) => {
  const clock = new ManualClock(Date.UTC(2026, 0, 1));
  const store = await openStore<OperatorTables>(new MemoryStorage(), {
    ...{ clock, random: seededRandom(1), log: silentLog, journalBytes: 0 },
  });
  const operators = new Operators(store, { clock, random: seededRandom(1) });
  const { token } = await operators.create('ann', 'viewer', { ttlMs: 1_000 });
  t.is(operators.authenticate(token)?.name, 'ann');
  clock.advance(1_000);
  t.is(operators.authenticate(token), undefined);
});

test('an audit trail is for admins, in pages, and cannot be changed', async (t) => {
  const token = await t.context.hub.token('admin');
  const route = '/api/v1/audit';
  for (let index = 0; index < 3; index++) await t.context.hub.token('viewer');
  const first = await ask(t.context, route, `${route}?limit=3`, { token });
  t.like(first.body, {
    records: [{ n: 1, actor: 'hub', action: 'operator.create' }, { n: 2 }, { n: 3 }],
    next: '3',
  });
  const second = await ask(t.context, route, `${route}?after=3`, { token });
  t.like(second.body, { records: [{ n: 4 }], next: undefined });
  for (const method of ['DELETE', 'PUT', 'POST'])
    t.is((await fetch(t.context.hub.url + route, { method })).status, 405);
  for (const query of ['after=-1', 'after=x', 'since=soon', 'limit=0', 'n=1'])
    t.is((await ask(t.context, route, `${route}?${query}`, { token })).status, 400, query);
});

test('H50: wrong tokens are slowed down by address, and do not lock out right ones', async (t) => {
  const right = await t.context.hub.token('viewer');
  const wrong = async () =>
    (await ask(t.context, '/api/v1/nodes', '/api/v1/nodes', { token: 'edgetwin-op-x' })).status;
  for (let count = 0; count < 10; count++) t.is(await wrong(), 401);
  t.is(await wrong(), 429);
  const { status } = await ask(t.context, '/api/v1/nodes', '/api/v1/nodes', { token: right });
  t.is(status, 200);
});

test('health needs no token and turns 503 with the alarm of the storage', async (t) => {
  t.deepEqual((await ask(t.context, '/healthz', '/healthz')).body, { status: 'ok', alarms: [] });
  t.context.hub.alarms.push({ code: 'EDGE_STORAGE', message: 'no space left' });
  const failing = await ask(t.context, '/healthz', '/healthz');
  t.is(failing.status, 503);
  t.like(failing.body, { status: 'failing', alarms: [{ code: 'EDGE_STORAGE' }] });
});

test('metrics are served through loopback in the Prometheus format', async (t) => {
  await fetch(`${t.context.hub.url}/api/v1/nodes`);
  const response = await fetch(`${t.context.hub.url}/metrics`);
  const text = await response.text();
  t.is(response.status, 200);
  t.regex(text, /edgetwin_api_answers_total\{path="\/api\/v1\/nodes",status="401"\} 1/);
  t.regex(text, /process_resident_memory_bytes \d/);
});

test('unknown paths and methods are problems too, and name what there is', async (t) => {
  const token = await t.context.hub.token('admin');
  const headers = { authorization: `Bearer ${token}` };
  const none = await fetch(`${t.context.hub.url}/api/v2/nodes`, { headers });
  t.is(none.status, 404);
  t.is(none.headers.get('content-type'), 'application/problem+json');
  const patch = await fetch(`${t.context.hub.url}/api/v1/nodes`, { headers, method: 'PATCH' });
  t.is(patch.status, 405);
  t.is(patch.headers.get('allow'), 'GET');
  for (const path of ['/../etc/passwd', '/%2e%2e/%2e%2e/etc/passwd', '/api/v1/nodes/%', '//'])
    t.true((await fetch(t.context.hub.url + path, { headers })).status >= 400, path);
});

test('H50: every answer forbids sniffing, framing and caching, and offers itself to no other origin', async (t) => {
  for (const path of ['/healthz', '/api/v1/nodes', '/nothing']) {
    const { headers } = await fetch(t.context.hub.url + path, {
      headers: { origin: 'http://evil.example' },
    });
    t.is(headers.get('x-content-type-options'), 'nosniff');
    t.is(headers.get('cache-control'), 'no-store');
    t.regex(headers.get('content-security-policy') ?? '', /default-src 'none'/);
    t.is(headers.get('access-control-allow-origin'), null);
  }
});

test('the document names every route of the table, with its security', (t) => {
  const paths = t.context.document['paths'] as Record<string, Record<string, JsonSchema>>;
  for (const { path, method, access } of t.context.hub.server.routes) {
    const operation = paths[path]?.[method.toLowerCase()];
    t.truthy(operation, `${method} ${path}`);
    t.is((operation!['security'] as unknown[]).length === 0, access === 'open');
  }
});

test('the control file lets its reader in as admin, is private, and is gone after the stop', async (t) => {
  const { hub } = t.context;
  const path = join(hub.dataDir, 'control.json');
  t.is((await stat(path)).mode & 0o777, 0o600);
  const control = JSON.parse(await readFile(path, 'utf8')) as { url: string; token: string };
  const { status } = await fetch(`${control.url}/api/v1/operators`, {
    headers: { authorization: `Bearer ${control.token}` },
  });
  t.is(status, 200);
  await hub.server.stop();
  await t.throwsAsync(stat(path), { code: 'ENOENT' });
});
