import { BUNDLE, bundleGateway, flagsOf } from '../../bundle.js';
import { Program } from '../../programs.js';
import type { SiteGateway } from '../../site-gateway.js';
import { eventually, Site } from '../../site.js';
import { pause, processUsage, type ProcessUsage } from '../process-figures.js';
import { medianOf } from './figures.js';
import type { PartResult, Plan } from './plan.js';

const TRANSPORTS = ['websocket', 'coded', 'auto'] as const;
const IDLE_MS = 20_000;
const SEEDS_MAX = 3;
/** Line 7, MB. */
const GOAL_MB = 3;

/** Line 7: RSS of the gateway as it ships, connected and idle, by transport. */
export async function memory(plan: Plan): Promise<PartResult> {
  await bundleGateway();
  const site = await Site.startHubOnly(undefined, ['--udp']);
  try {
    const gateways = await Promise.all(
      TRANSPORTS.map((transport) => site.join(`gw-${transport}`, '', { transport })),
    );
    const all: ProcessUsage[][] = [];
    const { seeds } = plan.few(SEEDS_MAX).size;
    for (const [run] of seeds.entries()) {
      plan.say(`run ${run + 1} of ${seeds.length}`);
      all.push(await usageOf(site, gateways, plan.size.quick));
    }
    const of = (index: number, figure: keyof ProcessUsage): number =>
      medianOf(all, (usages) => usages[index]?.[figure] ?? Infinity);
    const rows = TRANSPORTS.map((transport, index) => {
      const more = of(index, 'rssMb') - of(0, 'rssMb');
      return {
        transport,
        'RSS MB': of(index, 'rssMb'),
        'over websocket': more,
        'anonymous MB': of(index, 'anonymousMb'),
        'peak MB': of(index, 'peakMb'),
        missed: transport === 'coded' && more > GOAL_MB ? `> ${GOAL_MB}` : '',
      };
    });
    return {
      tables: [
        {
          title: 'Gateway, one file, no devices, connected and idle: memory by transport',
          rows,
          notes: [
            `Medians of ${all.length} starts, ${IDLE_MS / 1_000} s after the hub had it. \`auto\` has loaded both.`,
          ],
        },
      ],
    };
  } finally {
    await site.stop();
  }
}

/** All of them fresh, and side by side: what the machine does, it does to each. */
async function usageOf(
  site: Site,
  gateways: readonly SiteGateway[],
  quick: boolean,
): Promise<ProcessUsage[]> {
  const programs: Program[] = [];
  try {
    for (const { node, config } of gateways) {
      const args = ['run', '--json', '--config', config];
      programs.push(await Program.start(node, BUNDLE, args, { execArgv: flagsOf(BUNDLE) }));
    }
    await eventually(
      'all gateways at the hub',
      () => site.request('nodes'),
      ({ body }) => JSON.stringify(body).split('"online":true').length === gateways.length + 1,
    );
    await pause(quick ? 3_000 : IDLE_MS);
    return programs.map(({ pid }) => processUsage(pid));
  } finally {
    for (const program of programs) await program.stop();
  }
}
