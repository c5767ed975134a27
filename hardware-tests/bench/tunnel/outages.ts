import { COUNTERS, countersDocument } from '../../e2e/counters.js';
import { Load } from '../../load.js';
import type { SiteGateway } from '../../site-gateway.js';
import { eventually, Site } from '../../site.js';
import { pause } from '../process-figures.js';
import type { PartResult, Plan } from './plan.js';
import { UdpRelay } from './udp-relay.js';

const DELAY_MS = 50;
const PER_SECOND = 10;
const BEFORE_MS = 4_000;
const AFTER_MS = 2_000;
/** Longer than the longest wait between two dials. */
const CAUGHT_UP_MS = 120_000;

interface History {
  readonly samples: readonly { readonly value: number }[];
  readonly next?: string;
}

/** Line 4: programs as they ship over UDP; samples are taken on while the link is dead. */
export async function outages(plan: Plan): Promise<PartResult> {
  const lengths = plan.size.long ? [1, 10, 300] : plan.size.quick ? [1] : [1, 10];
  const site = await Site.startHubOnly(undefined, ['--udp']);
  try {
    const hubPort = Number(site.hub?.address('listen').split(':').at(-1));
    plan.say(`blackouts of ${lengths.join(', ')} s at once`);
    const rows = await Promise.all(lengths.map((seconds) => outage(site, hubPort, seconds)));
    return {
      tables: [
        {
          title: 'Blackouts under the gateway and the hub as they ship, transport coded, RTT 100',
          rows,
          notes: [
            `${COUNTERS.length} counters with history, ${PER_SECOND} samples a second each, before, in and after it. "caught up": from the link's return until the hub has every sample that was acknowledged in the blackout.`,
          ],
        },
      ],
    };
  } finally {
    await site.stop();
  }
}

async function outage(
  site: Site,
  hubPort: number,
  seconds: number,
): Promise<Readonly<Record<string, number | string>>> {
  const name = `counters-${seconds}`;
  const relay = await UdpRelay.open(hubPort, DELAY_MS);
  const gateway = await site.join(`gw-${seconds}`, countersDocument(name, { history: true }), {
    transport: 'coded',
    hub: `wss://127.0.0.1:${relay.port}`,
  });
  const load = new Load(gateway.broker, `default/${name}`);
  try {
    await gateway.start();
    await eventually('the session', () => sessionsOf(gateway), Boolean);
    load.start(COUNTERS, PER_SECOND);
    await pause(BEFORE_MS);
    relay.cut();
    await pause(seconds * 1_000);
    const during = new Map(load.acknowledged);
    relay.heal();
    const healed = performance.now();
    const has = async (): Promise<readonly number[][]> =>
      Promise.all(COUNTERS.map((counter) => historyOf(site, `default/${name}`, counter)));
    await eventually(
      'the samples of the blackout at the hub',
      has,
      (all) =>
        COUNTERS.every((counter, index) => (all[index]?.length ?? 0) >= (during.get(counter) ?? 0)),
      CAUGHT_UP_MS,
    );
    const caughtUp = performance.now() - healed;
    await pause(AFTER_MS);
    await load.stop();
    const wanted = COUNTERS.reduce(
      (sum, counter) => sum + (load.acknowledged.get(counter) ?? 0),
      0,
    );
    const there = await eventually(
      'all samples at the hub',
      has,
      (all) => all.flat().length >= wanted,
      CAUGHT_UP_MS,
    ).catch(has);
    const inOrder = there.every((values) => values.every((value, index) => value === index + 1));
    const lost = wanted - there.flat().length;
    return {
      'blackout s': seconds,
      acknowledged: wanted,
      'at the hub': there.flat().length,
      'in order, once': inOrder ? 'yes' : 'no',
      'caught up s': caughtUp / 1_000,
      missed: lost > 0 || !inOrder ? `${lost} lost` : '',
    };
  } finally {
    await load.stop();
    await gateway.program?.stop();
    relay.close();
  }
}

async function sessionsOf(gateway: SiteGateway): Promise<boolean> {
  const { hub } = await gateway.get<{ readonly hub: { readonly connected?: boolean } }>('status');
  return hub.connected === true;
}

/** Every sample of a counter that the hub has, page by page. */
async function historyOf(site: Site, device: string, property: string): Promise<number[]> {
  const values: number[] = [];
  for (let after = '0'; ;) {
    const path = `devices/${device}/properties/${property}/history?limit=700&after=${after}`;
    const { body } = await site.request(path);
    const { samples = [], next } = body as unknown as Partial<History>;
    values.push(...samples.map(({ value }) => value));
    if (next === undefined) return values;
    after = next;
  }
}
