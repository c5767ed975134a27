import { parseArgs } from 'node:util';
import { formatTable, type BenchOptions, type BenchResult } from './table.js';

const BENCHES: Readonly<Record<string, { about: string; load: () => Promise<Bench> }>> = {
  broker: {
    about: 'messages per second beside mosquitto, and the broker under abuse',
    load: async () => {
      const broker = await import('./broker.js');
      return { run: () => broker.run() };
    },
  },
  codec: {
    about: 'the coded tunnel’s kernel, codec, seal and parser',
    load: () => import('./codec.js'),
  },
  gateway: {
    about: 'the whole gateway: memory, start, durable updates, CPU, log and flash bytes',
    load: () => import('./gateway.js'),
  },
  hub: {
    about: 'memory of the hub for each connected idle gateway, beside bare WebSockets',
    load: () => import('./hub.js'),
  },
  journal: {
    about: 'durable commits beside a plain append and fdatasync',
    load: () => import('./journal.js'),
  },
  modbus: {
    about: 'Modbus beside modbus-serial and libmodbus: CPU, the wire-time limit, TCP, memory',
    load: () => import('./modbus.js'),
  },
  store: {
    about: 'the choice of the store: beside SQLite in two packages, by the device’s own counter',
    load: () => import('./store.js'),
  },
  sync: {
    about: 'bytes on the link per update, CPU and memory, beside MQTT over TLS',
    load: () => import('./sync.js'),
  },
  tunnel: {
    about: 'the tunnel on emulated links beside TCP, WebSocket and MQTT',
    load: () => import('./tunnel.js'),
  },
  'tunnel-fairness': {
    about: 'congestion control of the coded tunnel beside cubic and BBR, simulated',
    load: () => import('./tunnel-fairness.js'),
  },
  'tunnel-sim': {
    about: 'messages and bulk of the coded tunnel on simulated bad links',
    load: () => import('./tunnel-sim.js'),
  },
};

interface Bench {
  run(options: BenchOptions): Promise<readonly BenchResult[]>;
}

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    options: {
      json: { type: 'boolean' },
      help: { type: 'boolean' },
      quick: { type: 'boolean' },
      peers: { type: 'string' },
      plot: { type: 'string' },
      part: { type: 'string' },
      seeds: { type: 'string' },
      links: { type: 'string' },
      report: { type: 'string' },
      long: { type: 'boolean' },
    },
    allowPositionals: true,
  });
  const print = (text: string): void => void process.stdout.write(`${text}\n`);
  const unknown = positionals.filter((name) => !Object.hasOwn(BENCHES, name));
  if (positionals.length === 0 || unknown.length > 0 || values.help === true) {
    if (unknown.length > 0) process.stderr.write(`no benchmark ${unknown.join(', ')}\n`);
    print(
      'npm run bench -- NAME... [--json] [--quick] [--peers DIR, or EDGETWIN_BENCH_PEERS] [--plot DIR] [--part NAME] [--seeds N] [--links N] [--report DIR] [--long]',
    );
    for (const [name, { about }] of Object.entries(BENCHES)) print(`  ${name.padEnd(10)} ${about}`);
    return unknown.length > 0 ? 2 : 0;
  }
  const { seeds, links, ...rest } = values;
  const peers = values.peers ?? process.env['EDGETWIN_BENCH_PEERS'];
  const options: BenchOptions = {
    ...rest,
    ...(peers === undefined ? {} : { peers }),
    ...(seeds === undefined ? {} : { seeds: Number(seeds) }),
    ...(links === undefined ? {} : { links: Number(links) }),
  };
  for (const name of positionals) {
    const bench = await BENCHES[name]?.load();
    for (const result of (await bench?.run(options)) ?? []) {
      if (values.json === true) print(JSON.stringify({ bench: name, ...result }));
      else
        print([`\n${result.title}`, formatTable(result.rows), ...(result.notes ?? [])].join('\n'));
    }
  }
  return 0;
}

process.exitCode = await main();
