import { readdir } from 'node:fs/promises';
import test from 'ava';
import { GatewayOnDisk } from './disk.js';
import { HubOnDisk } from './hub-disk.js';
import { hasTools } from '../tools.js';
import { limitDescriptors, occupyDescriptors } from './descriptors.js';
import { Volume } from '../volume.js';

const MEGABYTES = 20;
/** Node itself, the broker, the interfaces and the journal need about 30. */
const DESCRIPTORS = 60;

test.serial(
  'a full disk: no lie, an alarm, local work goes on, all returns with the space',
  async (t) => {
    t.timeout(300_000);
    const volume = Volume.forTest(t, MEGABYTES);
    if (volume === undefined) return;
    const bench = await GatewayOnDisk.start(volume.path);
    const { gateway, load } = bench;
    try {
      bench.wear();
      volume.fill();
      await bench.alarmed(t);
      await bench.stillServes(t);

      const acknowledged = new Map(load.acknowledged);
      await gateway.kill();
      volume.again();
      await gateway.start();
      await bench.holds(t, acknowledged);
      await bench.alarmed(t);

      volume.empty();
      await bench.recovered(t);
      const afterwards = new Map(load.acknowledged);
      await gateway.kill();
      volume.again();
      await gateway.start();
      await bench.holds(t, afterwards);
    } finally {
      await bench.stop();
      volume.remove();
    }
  },
);

test.serial(
  'a file system that turns read-only: the same, all returns after its repair',
  async (t) => {
    t.timeout(300_000);
    const volume = Volume.forTest(t, MEGABYTES);
    if (volume === undefined) return;
    const bench = await GatewayOnDisk.start(volume.path);
    const { gateway, load } = bench;
    try {
      bench.wear();
      await bench.working();
      volume.break();
      await bench.alarmed(t);
      await bench.stillServes(t);

      volume.unmount();
      await new Promise((resolve) => setTimeout(resolve, 5_000));
      const below = (await readdir(volume.path)).filter((name) => name !== 'control.json');
      t.deepEqual(below, [], 'nothing is kept in the folder under the mount');
      volume.repair();
      await bench.recovered(t);
      const acknowledged = new Map(load.acknowledged);
      await gateway.kill();
      volume.again();
      volume.remount('ro');
      await gateway.start();
      await bench.holds(t, acknowledged);
      await bench.alarmed(t);
      await bench.stillServes(t);
      volume.remount('rw');
      await bench.recovered(t);
    } finally {
      await bench.stop();
      volume.remove();
    }
  },
);

test.serial(
  'no descriptors left: clients are refused, an alarm, and all returns by itself',
  async (t) => {
    t.timeout(300_000);
    if (!hasTools(t, 'prlimit')) return;
    const bench = await GatewayOnDisk.start();
    const { gateway, load } = bench;
    try {
      bench.wear();
      await bench.working();
      limitDescriptors(gateway, DESCRIPTORS);
      const crowd = await occupyDescriptors(gateway);
      t.log(`${crowd.size} clients, then no more`);
      await bench.alarmed(t);
      const acknowledged = new Map(load.acknowledged);
      crowd.leave();
      await bench.recovered(t);
      await bench.stillServes(t);
      await gateway.kill();
      await gateway.start();
      await bench.holds(t, acknowledged);
    } finally {
      await bench.stop();
    }
  },
);

for (const [what, spoil, mend] of [
  ['full', (volume: Volume) => volume.fill(), (volume: Volume) => volume.empty()],
  ['read-only', (volume: Volume) => volume.break(), (volume: Volume) => volume.repair()],
] as const)
  test.serial(
    `the hub on a disk that turns ${what}: no lie, an alarm, gateways work on`,
    async (t) => {
      t.timeout(300_000);
      const volume = Volume.forTest(t, MEGABYTES);
      if (volume === undefined) return;
      const bench = await HubOnDisk.start(volume.path);
      try {
        bench.wear();
        await bench.working();
        spoil(volume);
        await bench.alarmed(t);
        await bench.gatewayWorks(t);
        if (what === 'full') {
          await bench.site.hub?.kill();
          volume.again();
          await bench.site.startHub();
          await bench.holds(t);
          await bench.alarmed(t);
        }
        mend(volume);
        await bench.recovered(t);
        await bench.site.hub?.kill();
        volume.again();
        await bench.site.startHub();
        await bench.holds(t);
      } finally {
        await bench.stop();
        volume.remove();
      }
    },
  );
