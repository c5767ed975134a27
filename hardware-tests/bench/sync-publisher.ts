// A gateway of today as a process: every update is an MQTT publish at QoS 1 over mutual TLS.
import { processUsage } from './process-figures.js';
import { publishAll, type SyncLoad } from './sync-load.js';

export interface PublisherTask {
  readonly url: string;
  readonly tls: { readonly key: string; readonly cert: string; readonly ca: string };
  readonly load: SyncLoad;
}

export interface PublisherAnswer {
  readonly updates: number;
  readonly cpuMs: number;
  readonly rssMb: number;
}

async function main({ url, tls, load }: PublisherTask): Promise<void> {
  let cpuMs = 0;
  const updates = await publishAll(url, { ...tls, clientId: 'gateway' }, load, async () => {
    const word = new Promise((resolve) => process.once('message', resolve));
    process.send?.('ready');
    await word;
    cpuMs = processUsage(process.pid).cpuMs;
  });
  const usage = processUsage(process.pid);
  process.send?.({ updates, cpuMs: usage.cpuMs - cpuMs, rssMb: usage.rssMb });
  process.disconnect();
}

await main(JSON.parse(process.argv[2] ?? '{}') as PublisherTask);
