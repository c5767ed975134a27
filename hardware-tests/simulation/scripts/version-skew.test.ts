import test from 'ava';
import { EdgeError } from '#protocol/errors.js';
import { encodeMessage, HEADER_BYTES } from '#protocol/message-codec.js';
import type { SyncMessage } from '#protocol/sync-message.js';
import { createValve } from '../valve.js';
import { World } from '../world.js';
import type { Letter } from './post.js';
import { Stage } from './stage.js';

type Positions = unknown[];
/** What another version would have sent instead; undefined: just this. */
type Other = (letter: Letter, positions: Positions) => Positions | undefined;

/** More positions than any message of today has. */
const POSITIONS = 40;
/** A type code that nobody has given yet. */
const UNKNOWN_TYPE = 99;

function positionsOf(message: SyncMessage): Positions {
  return JSON.parse(
    new TextDecoder().decode(encodeMessage(message).subarray(HEADER_BYTES)),
  ) as Positions;
}

function bytesOf(positions: Positions): Uint8Array {
  return Uint8Array.from([1, 0, ...new TextEncoder().encode(JSON.stringify(positions))]);
}

/** A stage on which messages are what ends of other versions make of them. */
async function openSkewed(other: Other, awaits = true): Promise<Stage> {
  const stage = new Stage(new World({ seed: 1, gateways: 1 }));
  const { weather } = stage.world;
  const { inspect } = weather;
  weather.inspect = (flight) => {
    const sent = stage.post.sent.length;
    if (!inspect(flight)) return false;
    const letter = stage.post.sent[sent];
    const changed = letter && other(letter, positionsOf(letter.message));
    if (changed === undefined) return true;
    weather.carry({ ...flight, arrive: () => flight.arrive(bytesOf(changed)) });
    return false;
  };
  stage.gateway.plant.pace(Infinity);
  stage.world.start();
  if (awaits) await stage.connected();
  await stage.pass(2000);
  return stage;
}

/** Position of HELLO's highest protocol version, and of its features. */
const [HELLO_MIN, HELLO_MAX, HELLO_FEATURES, WELCOME_PROTOCOL] = [11, 12, 13, 13];

test('T18 both ends one version newer: further positions and features are ignored, all else works', async (t) => {
  const stage = await openSkewed(({ message }, positions) => {
    if (message.kind === 'hello') {
      positions[HELLO_MAX] = 2;
      (positions[HELLO_FEATURES] as string[]).push('telepathy');
      // Positions that were optional are filled before new ones stand behind them.
      while (positions.length < POSITIONS) positions.push(null);
    }
    if (message.kind === 'welcome') while (positions.length < POSITIONS) positions.push(null);
    if (message.kind === 'bye') return undefined;
    return message.kind === 'hello' || message.kind === 'welcome' || message.kind === 'ready'
      ? [...positions, { later: [1, 'x'] }]
      : undefined;
  });
  await stage.read('level', 3);
  await stage.desire('level', 4);
  await stage.writeLocally('speed', 5);
  await stage.until('written', () => stage.gateway.plant.register(stage.key('level')).value === 4);
  await stage.read('level');
  await stage.settle();
  t.is(stage.desired('speed')?.value, 5);
  t.deepEqual(stage.alarms(), []);
});

test('T18 a gateway that speaks newer versions only is told so, and keeps away', async (t) => {
  const stage = await openSkewed(({ message }, positions) => {
    if (message.kind !== 'hello') return undefined;
    positions[HELLO_MIN] = 2;
    positions[HELLO_MAX] = 3;
    return positions;
  }, false);
  await stage.until('held', () => stage.program.edgeHub.status().held?.reason === 'unsupported');
  t.like(stage.program.edgeHub.status(), { connected: false });
  t.is(stage.post.of('bye')[0]?.reason, 'unsupported');
  await stage.read('level', 3);
  t.is(stage.row('level')?.value, 3, 'it serves its devices');
});

test('T18 a hub that chooses a version which the gateway does not speak is left', async (t) => {
  const stage = await openSkewed(({ message }, positions) => {
    if (message.kind !== 'welcome') return undefined;
    positions[WELCOME_PROTOCOL] = 2;
    return positions;
  }, false);
  await stage.until('held', () => stage.program.edgeHub.status().held?.reason === 'unsupported');
  t.is(stage.program.meta.identity().lastEpoch, 0, 'nothing of it is kept');
});

test('T18 messages of unknown types, both ways: answered, never silence, and the session lives', async (t) => {
  let asked = 0;
  const stage = await openSkewed(({ message, way }, positions) => {
    // One of each end is replaced by what only a later version knows.
    if (message.kind !== (way === 'up' ? 'digest' : 'desired') || asked > 1) return undefined;
    asked++;
    return [UNKNOWN_TYPE, positions[1], 777, 'whatever', { it: 'says' }];
  });
  await stage.desire('level', 4);
  await stage.until('answered', () => stage.post.of('unsupported').length >= 2);
  t.deepEqual(new Set(stage.post.of('unsupported').map(({ id }) => id)), new Set([777]));
  t.is(stage.post.of('hello').length, 1);
  await stage.read('level', 3);
  await stage.until('told', () => stage.reported('level')?.value === 3);
});

test('T18 what a newer hub says of a desired value goes back to it when it was restored, and down again', async (t) => {
  const later = [{ expires: 1 }, 'x'];
  const stage = await openSkewed(({ message }, positions) => {
    if (message.kind !== 'desired') return undefined;
    const groups = positions[3] as [string, number, number, Positions[]][];
    for (const row of groups.flatMap((group) => group[3])) {
      while (row.length < 8) row.push(null);
      if (row.length === 8) row.push(...later);
    }
    return positions;
  });
  const backup = stage.world.hub.backup();
  await stage.desire('level', 4);
  await stage.settle();
  stage.world.weather.block(stage.gateway.node, 'up', 'down');
  await stage.pass(10_000);
  stage.checkers.forgetHub();
  stage.world.hub.replaceDisk(backup);
  stage.world.hub.start();
  await stage.world.started();
  stage.world.weather.open(stage.gateway.node);
  await stage.connected();
  await stage.settle();
  const [row] = stage.post.of('adopt').flatMap(({ rows }) => rows);
  t.like(row, { value: 4, later });
  t.like(stage.desired('level'), { value: 4, later });
});

test('T18 a gateway that takes no devices: asking for one is refused, and nothing of it is sent', async (t) => {
  const stage = await openSkewed(({ message }, positions) => {
    if (message.kind !== 'hello') return undefined;
    positions[HELLO_FEATURES] = ['adopt'];
    return positions;
  });
  const refused = await t.throwsAsync(stage.done(createValve(stage.world, stage.gateway)), {
    instanceOf: EdgeError,
  });
  t.is(refused.code, 'EDGE_UNSUPPORTED');
  await stage.read('level', 3);
  await stage.settle();
  t.is(stage.post.of('devices').length, 0);
});
