import type { ExecutionContext } from 'ava';
import { seededRandom, type Random } from '#protocol/random.js';
import type { DeviceDocument } from '#protocol/twin-document.js';
import { Load } from '../load.js';
import type { Program } from '../programs.js';
import { eventually, Site } from '../site.js';
import type { SiteGateway } from '../site-gateway.js';
import { COUNTERS, countersDocument, hubTwin } from './counters.js';
import { TwinWatch } from './twin-watch.js';

export interface KillOptions {
  /** Of gateways and hub together. */
  readonly kills: number;
  readonly gateways: number;
  /** Updates that local clients offer, over all gateways. */
  readonly perSecond: number;
  readonly seed: number;
}

/** The hub dies once for so many deaths of gateways. */
const GATEWAY_KILLS_PER_HUB_KILL = 2;
/** One kill in so many hits a program that is still opening its store. */
const STARTING = 4;

/**
 * kill -9 at random moments of gateways and hub, also while they start, under updates of local
 * clients and desired values from the cloud. Each rebirth of a gateway is asked at once for what
 * it had acknowledged; a watcher of the hub judges all that is visible.
 */
export async function killUnderLoad(t: ExecutionContext, options: KillOptions): Promise<void> {
  const { kills, gateways, perSecond, seed } = options;
  const site = await Site.startHubOnly();
  const watch = new TwinWatch(site);
  const victims: Victim[] = [];
  const random = seededRandom(seed);
  const hubKills = Math.floor(kills / (1 + GATEWAY_KILLS_PER_HUB_KILL));
  const plan = { hub: hubKills, gateways: kills - hubKills };
  const began = performance.now();
  try {
    for (let index = 0; index < gateways; index++) {
      const name = `counters-${index}`;
      // A short window: more messages under way when the end comes.
      const gateway = await site.join(`gw-${index}`, countersDocument(name), { syncWindow: 50 });
      await gateway.start();
      const load = new Load(gateway.broker, `default/${name}`);
      load.start(COUNTERS, perSecond / gateways / COUNTERS.length);
      victims.push({ gateway, load, device: `default/${name}`, accepted: 0, missing: [] });
    }
    const killers = [
      killHub(site, plan, random),
      ...victims.map((victim) => killGateway(site, victim, watch, plan, random)),
    ];
    try {
      await Promise.all(killers);
    } finally {
      plan.hub = plan.gateways = 0;
      await Promise.allSettled(killers);
    }
    const seconds = (performance.now() - began) / 1000;
    for (const { load } of victims) await load.stop();
    for (const victim of victims) await settled(t, site, victim);
    await watch.stop();
    const acknowledged = victims.reduce((sum, { load }) => sum + load.count, 0);
    t.deepEqual(watch.breaches, []);
    t.true(watch.versions > kills, 'the hub was seen to follow');
    t.log(
      `seed ${seed}: ${hubKills} kills of the hub, ${kills - hubKills} of gateways in ` +
        `${seconds.toFixed(0)} s; ${acknowledged} updates acknowledged ` +
        `(${(acknowledged / seconds).toFixed(0)} per second), 0 missing; ${watch.events} events ` +
        `of ${watch.versions} versions on ${watch.connections} watches, 0 twice, 0 back`,
    );
  } catch (error) {
    const programs = [site.hub, ...victims.map(({ gateway }) => gateway.program)];
    for (const program of programs)
      t.log(`${program?.name ?? ''}:\n${program?.log.slice(-15).join('\n') ?? ''}`);
    throw error;
  } finally {
    await watch.stop();
    await Promise.all(victims.map(({ load }) => load.stop()));
    await Promise.all(victims.map(async ({ gateway }) => gateway.program?.stop()));
    await site.stop();
  }
}

interface Victim {
  readonly gateway: SiteGateway;
  readonly load: Load;
  readonly device: string;
  /** The newest desired value that the hub accepted. */
  accepted: number;
  /** Acknowledged, and not there after the next start. */
  readonly missing: string[];
}

/** How many kills are left. */
interface Plan {
  hub: number;
  gateways: number;
}

async function killHub(site: Site, plan: Plan, random: Random): Promise<void> {
  for (; plan.hub > 0; plan.hub--) {
    await pause(random.unit() * 2_000);
    await site.hub?.kill();
    await reborn(() => site.launchHub(), random);
  }
}

async function killGateway(
  site: Site,
  victim: Victim,
  watch: TwinWatch,
  plan: Plan,
  random: Random,
): Promise<void> {
  const { gateway, load, device, missing } = victim;
  while (plan.gateways > 0) {
    plan.gateways--;
    await underLoad(load);
    await pause(random.unit() * 800);
    const desired = setDesired(site, device, victim.accepted + 1);
    const acknowledged = new Map(load.acknowledged);
    await gateway.kill();
    await reborn(() => gateway.launch(), random);
    const { properties } = await gateway.get<DeviceDocument>(`devices/${device}`);
    for (const property of properties) {
      watch.agree(device, property);
      const least = acknowledged.get(property.name) ?? 0;
      const value = Number(property.reported?.value ?? 0);
      if (value < least) missing.push(`${device} ${property.name}: ${value} of ${least}`);
    }
    if (await desired) victim.accepted++;
  }
}

/** Starts it; now and then it is killed again before it is ready, which counts for nothing. */
async function reborn(launch: () => Program, random: Random): Promise<void> {
  const program = launch();
  if (random.unit() * STARTING >= 1) return program.ready();
  await pause(random.unit() * 600);
  await program.kill();
  return launch().ready();
}

/** The local clients have found this life of the gateway. */
async function underLoad(load: Load): Promise<void> {
  const { count } = load;
  await eventually(
    'an update is acknowledged',
    () => Promise.resolve(load.count),
    (now) => now > count,
  );
}

async function setDesired(site: Site, device: string, value: number): Promise<boolean> {
  try {
    const path = `devices/${device}/properties/target/desired`;
    const { status } = await site.request(path, { method: 'PUT', body: { value } });
    return status < 300;
  } catch {
    return false;
  }
}

/** Both ends agree at rest, on nothing older than what was acknowledged or accepted. */
async function settled(t: ExecutionContext, site: Site, victim: Victim): Promise<void> {
  const { gateway, load, device, accepted, missing } = victim;
  const [atHub, atGateway] = await eventually(
    `hub and ${gateway.node} agree`,
    () => Promise.all([hubTwin(site, device), gateway.get<DeviceDocument>(`devices/${device}`)]),
    ([hub, own]) =>
      own.properties.every(({ name, reported, desired, unsent }) => {
        const there = hub.properties.find((property) => property.name === name);
        const same = there?.reported?.version === reported?.version;
        return unsent !== true && same && there?.desired?.version === desired?.version;
      }),
  );
  t.deepEqual(missing, []);
  for (const { name, reported, desired } of atHub.properties) {
    const own = atGateway.properties.find((property) => property.name === name);
    t.deepEqual(reported?.value, own?.reported?.value, name);
    t.deepEqual(desired?.value, own?.desired?.value, name);
    if (name === 'target') t.true(Number(desired?.value ?? 0) >= accepted, 'accepted and kept');
    else t.true(Number(reported?.value ?? 0) >= (load.acknowledged.get(name) ?? 0), name);
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
