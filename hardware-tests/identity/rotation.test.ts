import { rename } from 'node:fs/promises';
import { join as joinPath } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { systemClock } from '#protocol/clock.js';
import { ManualClock } from '#protocol/manual-clock.js';
import { systemRandom } from '#protocol/random.js';
import { readChain } from '#tunnel/transport.js';
import { IdentityFiles } from '#runtime/edgehub/identity-files.js';
import { loadIdentity } from '#runtime/edgehub/join.js';
import { pinOf } from '#runtime/edgehub/join-exchange.js';
import { renewIdentity } from '#runtime/edgehub/renew.js';
import { askForTrust } from '#runtime/edgehub/trust.js';
import { folder, openDoor, TRANSPORTS, type HubDoor } from './hub-door.js';

const DAY_MS = 86_400_000;

/** What a running gateway does now and then. */
async function follow(dataDir: string, clock = systemClock): Promise<readonly string[]> {
  const present = (await loadIdentity(dataDir))!;
  const roots = await askForTrust(present, clock, systemRandom);
  if (roots !== undefined) await new IdentityFiles(dataDir, systemRandom).trust(roots.map(String));
  const { identity } = (await loadIdentity(dataDir))!;
  return identity.authorities.flatMap(readChain).map(pinOf);
}

async function connects(t: ExecutionContext, door: HubDoor, dataDir: string): Promise<void> {
  const { identity } = (await loadIdentity(dataDir))!;
  for (const transport of TRANSPORTS) {
    const connection = await transport.connect({ url: door.url, identity });
    t.is(connection.transport, transport.name);
    connection.close('normal');
  }
}

test('a root is rotated with both trusted in between, and no gateway notices', async (t) => {
  const door = await openDoor(t);
  const { dataDir } = await door.joined('gw-1');
  const before = door.authority.pin;
  const { next } = await door.care.beginRotation();
  const nextPin = String(next?.pin);
  await door.look();
  await connects(t, door, dataDir);
  t.deepEqual(await follow(dataDir), [before, nextPin]);
  await connects(t, door, dataDir);
  t.deepEqual(await follow(dataDir), [before, nextPin]);
  t.deepEqual(door.enrolment.trusts().get('gw-1')?.pins, [before, nextPin]);
  await door.care.finishRotation();
  await door.look();
  t.is(door.authority.pin, nextPin);
  await connects(t, door, dataDir);
  t.deepEqual(await follow(dataDir), [nextPin]);
  await connects(t, door, dataDir);
  // The old root is gone here, so its certificate is replaced before its time.
  t.truthy(await renewIdentity({ dataDir }));
  t.is(await renewIdentity({ dataDir }), undefined);
  await connects(t, door, dataDir);
  await connects(t, door, (await door.joined('gw-2')).dataDir);
});

test('with the key of the root elsewhere the hub runs, renews and rotates', async (t) => {
  const door = await openDoor(t);
  const { dataDir } = await door.joined('gw-1');
  const rootKey = joinPath(await folder(t), 'root.key');
  t.is((await door.care.exportRoot(rootKey)).root.key, 'elsewhere');
  await t.throwsAsync(door.care.exportRoot(rootKey), { code: 'EDGE_CERTIFICATE' });
  await t.throwsAsync(door.care.newIssuing(), { code: 'EDGE_CERTIFICATE', message: /not on this/ });
  await door.look();
  await connects(t, door, (await door.joined('gw-2')).dataDir);
  await door.care.newIssuing(rootKey);
  await door.look();
  await renewIdentity({ dataDir, force: true });
  await connects(t, door, dataDir);
  await t.throwsAsync(door.care.beginRotation(joinPath(door.pki, 'hub.key')), {
    code: 'EDGE_CERTIFICATE',
  });
  await door.care.beginRotation(rootKey);
  await t.throwsAsync(door.care.beginRotation(rootKey), { code: 'EDGE_CONFLICT' });
  await door.care.finishRotation();
  await door.look();
  await follow(dataDir);
  await connects(t, door, dataDir);
});

test('a root of before there were issuing keys goes on, and gets one without a new pin', async (t) => {
  const door = await openDoor(t);
  // What an older hub has left: a root that certifies by itself.
  await rename(joinPath(door.pki, 'authority.json'), joinPath(door.pki, 'none'));
  await door.look();
  const { pin } = door.authority;
  const { dataDir, identity } = await door.joined('gw-1');
  t.is(readChain(identity.certificate).length, 1);
  await connects(t, door, dataDir);
  await t.throwsAsync(door.care.exportRoot(joinPath(door.pki, 'x')), { message: /itself/ });
  await door.care.newIssuing();
  await door.look();
  t.is(door.authority.pin, pin);
  await connects(t, door, dataDir);
  await renewIdentity({ dataDir, force: true });
  const renewed = (await loadIdentity(dataDir))!;
  t.is(readChain(renewed.identity.certificate).length, 2);
  await connects(t, door, dataDir);
});

/** A gateway in a drawer: its certificate ended 40 days ago, by the true clock of this machine. */
async function lateGateway(t: ExecutionContext, lapsedMs?: number) {
  const clock = new ManualClock(systemClock.wallTime() - 130 * DAY_MS);
  const door = await openDoor(t, clock, lapsedMs);
  const { dataDir } = await door.joined('gw-1');
  clock.advance(100 * DAY_MS);
  await door.care.beginRotation();
  return { clock, door, dataDir };
}

test('K60: a certificate that lapsed 40 days ago and a root rotated meanwhile are recovered from unaided', async (t) => {
  const { clock, door, dataDir } = await lateGateway(t);
  await door.care.finishRotation();
  clock.advance(30 * DAY_MS);
  await door.look();
  const { identity } = (await loadIdentity(dataDir))!;
  for (const transport of TRANSPORTS)
    await t.throwsAsync(transport.connect({ url: door.url, identity }), {
      code: 'EDGE_UNAUTHENTICATED',
    });
  t.deepEqual(await follow(dataDir), [door.authority.pin]);
  t.truthy(await renewIdentity({ dataDir }));
  await connects(t, door, dataDir);
});

test('K60: by the policy of the hub a lapsed certificate renews no more, and is told so', async (t) => {
  const { clock, door, dataDir } = await lateGateway(t, 10 * DAY_MS);
  clock.advance(30 * DAY_MS);
  await door.look();
  await t.throwsAsync(renewIdentity({ dataDir }), {
    code: 'EDGE_CERTIFICATE',
    message: /lapsed too long ago/,
  });
});

test('K60: a root that is no longer trusted is no way back: the gateway refuses the hub', async (t) => {
  const { clock, door, dataDir } = await lateGateway(t);
  await door.care.finishRotation(true);
  clock.advance(30 * DAY_MS);
  await door.look();
  const { identity } = (await loadIdentity(dataDir))!;
  for (const transport of TRANSPORTS)
    await t.throwsAsync(transport.connect({ url: door.url, identity }), {
      code: 'EDGE_CERTIFICATE',
      message: /not issued by the authority/,
    });
  await t.throwsAsync(renewIdentity({ dataDir }), { code: 'EDGE_CERTIFICATE' });
  await t.throwsAsync(follow(dataDir), { code: 'EDGE_CERTIFICATE' });
});
