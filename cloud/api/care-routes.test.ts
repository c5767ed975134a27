import test from 'ava';
import type { ExecutionContext } from 'ava';
import { EdgeError } from '#protocol/errors.js';
import { ServedFleet } from './served-fleet.js';

const ALARM = '/api/v1/nodes/pi-1/alarms/EDGE_CLONE';
const DEVICE = '/api/v1/devices/default/meter';

async function serve(t: ExecutionContext, refusal?: EdgeError) {
  const asked: unknown[] = [];
  const take = async (call: unknown): Promise<void> => {
    asked.push(call);
    await Promise.resolve();
    if (refusal !== undefined) throw refusal;
  };
  const hub = await ServedFleet.start({
    care: { clearAlarm: (node, code, options) => take({ node, code, ...options }) },
    devices: {
      putDevice: async (request) => {
        await take(request);
        return { node: 'pi-1', change: 'created', warnings: [] };
      },
      deleteDevice: take,
    },
  });
  t.teardown(() => hub.stop());
  const ask = async (method: string, path: string, token: string, body?: unknown) => {
    const headers = { authorization: `Bearer ${token}` };
    const sent = body === undefined ? {} : { body: JSON.stringify(body) };
    const response = await fetch(hub.url + path, { method, headers, ...sent });
    const text = await response.text();
    return {
      status: response.status,
      body: text === '' ? undefined : (JSON.parse(text) as object),
    };
  };
  return { hub, asked, ask };
}

test('an operator clears an alarm and ends a device; a viewer does not', async (t) => {
  const { hub, asked, ask } = await serve(t);
  t.is((await ask('DELETE', ALARM, await hub.token('viewer'))).status, 403);
  t.is((await ask('DELETE', DEVICE, await hub.token('viewer'))).status, 403);
  t.is(
    (await ask('PUT', DEVICE, await hub.token('viewer'), { device: {}, model: {} })).status,
    403,
  );
  t.deepEqual(asked, []);
  t.deepEqual(await ask('DELETE', ALARM, await hub.token('operator')), {
    status: 204,
    body: undefined,
  });
  t.deepEqual(await ask('DELETE', DEVICE, await hub.token('operator')), {
    status: 204,
    body: undefined,
  });
  t.like(asked, [{ node: 'pi-1', code: 'EDGE_CLONE' }, { device: 'default/meter' }]);
});

test('a device is created with 201, checked with 200, and nothing but its documents is taken', async (t) => {
  const { hub, asked, ask } = await serve(t);
  const body = { device: { a: 1 }, model: { b: 2 } };
  t.is((await ask('PUT', DEVICE, await hub.token('operator'), body)).status, 201);
  const dry = await ask('PUT', `${DEVICE}?dryRun=true`, await hub.token('operator'), body);
  t.like(dry, { status: 200, body: { device: 'default/meter', change: 'created', dryRun: true } });
  t.like(asked, [{ id: 'default/meter', isDryRun: false, ...body }, { isDryRun: true }]);
  t.is((await ask('PUT', DEVICE, await hub.token('operator'), { ...body, more: 1 })).status, 400);
  t.is((await ask('PUT', `${DEVICE}?dryRun=maybe`, await hub.token('operator'), body)).status, 400);
  t.is(asked.length, 2);
});

test('a dry run of clearing an alarm asks, and records nothing', async (t) => {
  const { hub, asked, ask } = await serve(t);
  const token = await hub.token('admin');
  t.is((await ask('DELETE', `${ALARM}?dryRun=true`, token)).status, 204);
  t.is((await ask('DELETE', `${ALARM}?dryRun=maybe`, token)).status, 400);
  t.deepEqual(asked, [{ node: 'pi-1', code: 'EDGE_CLONE', isDryRun: true }]);
  const audit = await ask('GET', '/api/v1/audit', token);
  t.notRegex(JSON.stringify(audit.body), /alarm\.clear/);
});

test('what the hub refuses is answered with its code', async (t) => {
  const refused = await serve(t, new EdgeError('EDGE_DEVICE_TAKEN', 'it stands in a file'));
  const answer = await refused.ask('DELETE', DEVICE, await refused.hub.token('operator'));
  t.like(answer, { status: 409, body: { code: 'EDGE_DEVICE_TAKEN' } });
  const unknown = await serve(t, new EdgeError('EDGE_NO_NODE', 'no node pi-1'));
  t.is((await unknown.ask('DELETE', ALARM, await unknown.hub.token('operator'))).status, 404);
});
