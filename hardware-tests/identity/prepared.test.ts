import { generateKeyPairSync } from 'node:crypto';
import { chmod, readFile, writeFile } from 'node:fs/promises';
import { join as joinPath } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { systemClock } from '#protocol/clock.js';
import { silentLog } from '#protocol/log.js';
import { decodePrepared, encodePrepared, type Prepared } from '#protocol/prepared.js';
import { systemRandom } from '#protocol/random.js';
import { loadIdentity } from '#runtime/edgehub/join.js';
import { FirstStart, placeConfig, readPrepared } from '#runtime/edgehub/prepared.js';
import { folder, openDoor, TRANSPORTS, type HubDoor } from './hub-door.js';

/** A first start with this file on the boot partition; a second one with what it has left. */
async function start(t: ExecutionContext, prepared: Prepared, dataDir?: string, node = 'gw-1') {
  const path = joinPath(await folder(t), 'edgetwin.json');
  const text = encodePrepared(prepared);
  await writeFile(path, text);
  const data = dataDir ?? (await folder(t));
  const events: string[] = [];
  const log = { ...silentLog, warn: (event: string) => void events.push(event) };
  const read = await readPrepared(path);
  const shared = { clock: systemClock, random: systemRandom, log };
  const first = new FirstStart({ path, prepared: read!, dataDir: data, node, ...shared });
  t.teardown(() => first.stop());
  await first.run();
  return { path, text, dataDir: data, events, left: await readFile(path, 'utf8') };
}

async function withKey({ enrolment }: HubDoor): Promise<Prepared> {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const spki = publicKey.export({ format: 'der', type: 'spki' });
  const { hub, certificate, authority } = await enrolment.certify('gw-1', spki);
  const key = privateKey.export({ format: 'pem', type: 'pkcs8' }).toString();
  return { node: 'gw-1', identity: { hub, key, certificate, authority }, config: 'node: gw-1' };
}

test('a prepared token makes a gateway join at its first start, and is gone from the card', async (t) => {
  const { enrolment } = await openDoor(t);
  const { token } = await enrolment.createToken({ node: 'gw-1' });
  const { dataDir, left, text } = await start(t, { node: 'gw-1', token, config: 'node: gw-1' });
  t.is((await loadIdentity(dataDir))?.node, 'gw-1');
  t.is(left.length, text.length, 'written over, not beside it');
  t.false(left.includes(token));
  t.deepEqual(decodePrepared(Buffer.from(left)), { node: 'gw-1', config: 'node: gw-1' });
});

test('a prepared key lets a gateway in without a join, and is gone from the card', async (t) => {
  const door = await openDoor(t);
  const { dataDir, left } = await start(t, await withKey(door));
  t.notRegex(left, /PRIVATE KEY|CERTIFICATE/);
  const { identity } = (await loadIdentity(dataDir))!;
  for (const transport of TRANSPORTS) {
    const connection = await transport.connect({ url: door.url, identity });
    connection.close('normal');
  }
  t.deepEqual([...new Set(door.peers)], ['gw-1']);
});

test('a gateway keeps the identity that it has, and the secret goes all the same', async (t) => {
  const door = await openDoor(t);
  const { dataDir, identity } = await door.joined('gw-1');
  const { token } = await door.enrolment.createToken({ node: 'gw-1' });
  const { left } = await start(t, { node: 'gw-1', token }, dataDir);
  t.is((await loadIdentity(dataDir))?.identity.certificate, identity.certificate);
  t.false(left.includes(token));
});

test('the file of another gateway, or without its hub, is kept and said', async (t) => {
  const { enrolment, listener } = await openDoor(t);
  const { token } = await enrolment.createToken({ node: 'gw-1' });
  const foreign = await start(t, { node: 'gw-1', token }, undefined, 'gw-2');
  t.deepEqual([foreign.left, foreign.events], [foreign.text, ['prepared-not-taken']]);
  await listener.close();
  const alone = await start(t, { node: 'gw-1', token });
  t.deepEqual([alone.left, alone.events], [alone.text, ['prepared-not-taken']]);
});

test('a prepared configuration is put where there is none, and replaces none', async (t) => {
  const path = joinPath(await folder(t), 'gateway.yaml');
  const prepared = { node: 'gw-1', config: 'node: gw-1' };
  t.true(await placeConfig(prepared, path, systemRandom));
  await chmod(path, 0o600);
  t.false(await placeConfig({ ...prepared, config: 'other' }, path, systemRandom));
  t.is(await readFile(path, 'utf8'), 'node: gw-1');
});

for (const text of ['', '{', 'null', '[]', '{"edgetwin":"x"}', '{"edgetwin":"prepared gateway"}'])
  test(`"${text}" is no file for a gateway`, async (t) => {
    const path = joinPath(await folder(t), 'x.json');
    await writeFile(path, text);
    await t.throwsAsync(readPrepared(path), { code: 'EDGE_CONFIG' });
    t.is(await readPrepared(`${path}.none`), undefined);
  });
