import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Identity } from '#tunnel/transport.js';
import { flagsOf } from '../bundle.js';
import { EDGETWIN_HUB, Program } from '../programs.js';
import { Site } from '../site.js';
import { here } from './broker-peers.js';
import { enrolFleet, IdleGateways } from './hub-fleet.js';
import { pause, processUsage } from './process-figures.js';
import type { BenchOptions, BenchResult } from './table.js';

const GATEWAYS = 1_000;
/** Connected before the first look: what the first ones load belongs to none of them. */
const WARM = 100;
/** V8 returns what the handshakes took some seconds after the last one. */
const SETTLE_MS = 20_000;
const BUDGET_KIB = 48;

/** Memory of the hub for each gateway that is connected and silent, beside bare WebSockets. */
export async function run({ quick = false }: BenchOptions): Promise<readonly BenchResult[]> {
  const share = quick ? 10 : 1;
  const [warm, all, settleMs] = [WARM / share, GATEWAYS / share, SETTLE_MS / share];
  const folder = await mkdtemp(join(tmpdir(), 'edgetwin-fleet-'));
  try {
    const fleet = await enrolFleet(folder, all);
    const grow = async (
      name: string,
      { pid }: Program,
      url: string,
    ): Promise<BenchResult['rows'][number]> => {
      const gateways = new IdleGateways(url, name === 'edgetwin-hub');
      const look = async (nodes: readonly Identity[]) => {
        await gateways.connect(nodes);
        await pause(settleMs);
        return { ...processUsage(pid), count: gateways.count() };
      };
      const before = await look(fleet.nodes.slice(0, warm));
      const after = await look(fleet.nodes.slice(warm));
      const each = (from: number, to: number): number =>
        ((to - from) * 1024) / (after.count - before.count);
      gateways.close();
      return {
        ...{ name, gateways: after.count, 'RSS MB': after.rssMb },
        'KiB each': each(before.rssMb, after.rssMb),
        'KiB each, anonymous': each(before.anonymousMb, after.anonymousMb),
      };
    };

    const env = JSON.stringify({ ...fleet.hub, authorities: fleet.authorities });
    const bare = await Program.start('bare', here('bare-hub.js'), [], {
      execArgv: flagsOf(EDGETWIN_HUB),
      env: { ...process.env, BARE_HUB: env },
    });
    const bareRow = await grow('bare ws', bare, `wss://${bare.address('listen')}`);
    await bare.stop();

    const site = await Site.startHubOnly(folder);
    try {
      if (site.hub === undefined) throw new Error('the hub does not run');
      const row = await grow('edgetwin-hub', site.hub, `wss://${site.hub.address('listen')}`);
      return [
        {
          title: 'hub: memory for each connected idle gateway, WebSocket over mutual TLS 1.3',
          rows: [row, bareRow],
          notes: [
            `budget: ${BUDGET_KIB} KiB each`,
            `between ${warm} and ${all} gateways without devices, ${settleMs / 1000} s after the last HELLO`,
          ],
        },
      ];
    } finally {
      await site.stop();
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
