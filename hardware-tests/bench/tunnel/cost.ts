import { run as codec } from '../codec.js';
import { medianOf } from './figures.js';
import { ENDLESS, linkOf, type Contestant, type PartResult, type Plan } from './plan.js';
import type { EndAnswer } from './end.js';

const SUBJECTS: readonly Contestant[] = [
  { name: 'coded', subject: 'coded' },
  { name: 'ws TLS', subject: 'websocket' },
];
const SECONDS = 12;
/** What it costs scatters less than what is lost. */
const SEEDS_MAX = 3;

/** Line 7: CPU of the processes at both ends per IP packet, and of each operation of the codec. */
export async function cost(plan: Plan): Promise<PartResult> {
  const seconds = plan.size.quick ? 6 : SECONDS;
  const stream = { kind: 'stream', bytes: ENDLESS, seconds } as const;
  const messages = { kind: 'messages', worth: 'asap', bytes: 200 } as const;
  const cases = [
    { name: 'stream, 10 Mbit/s', extra: 'loss=0', load: stream },
    { name: 'stream, 10 Mbit/s', extra: 'loss=0.05', load: stream },
    {
      name: '20 messages a second',
      extra: 'loss=0',
      load: { ...messages, everyMs: 50, count: seconds * 20 },
    },
    {
      name: '500 messages a second',
      extra: 'loss=0',
      load: { ...messages, everyMs: 2, count: seconds * 500 },
    },
  ];
  // One link at a time: what shares the processor is paid for twice, in caches and in wake-ups.
  const few = plan.few(SEEDS_MAX);
  const outcomes = await few.run(
    cases.flatMap(({ extra, load }) =>
      SUBJECTS.map(({ subject }) => ({
        flows: [{ subject, load }],
        link: linkOf(100, extra),
        seconds: seconds + 30,
      })),
    ),
    1,
  );
  const rows = cases.flatMap(({ name, extra }, index) => {
    const costs = SUBJECTS.map((who, at) => {
      const runs = outcomes[index * SUBJECTS.length + at] ?? [];
      const of = (end: 'dial' | 'serve', figure: (warm: EndAnswer['warm']) => number): number =>
        medianOf(runs, ({ flows }) => {
          const answer = flows[0]?.[end];
          return answer === undefined ? Infinity : figure(answer.warm);
        });
      const perPacket =
        (way: 'packetsOut' | 'packetsIn') =>
        (warm: EndAnswer['warm']): number =>
          (warm.cpuMs * 1_000) / warm[way];
      return {
        who,
        sender: of('dial', perPacket('packetsOut')),
        receiver: of('serve', perPacket('packetsIn')),
        core: (end: 'dial' | 'serve') => 100 * of(end, ({ cpuMs, ms }) => cpuMs / ms),
      };
    });
    const peer = costs[1];
    return costs.map(({ who, sender, receiver, core }) => ({
      load: name,
      'loss %': 100 * Number(extra.slice('loss='.length)),
      with: who.name,
      'sender us/packet': sender,
      'receiver us/packet': receiver,
      'x ws': sender / (peer?.sender ?? NaN),
      'x ws receiver': receiver / (peer?.receiver ?? NaN),
      'sender % of a core': core('dial'),
      'receiver % of a core': core('serve'),
    }));
  });
  plan.health.add(few.health);
  plan.say('codec');
  return {
    tables: [
      {
        title:
          'CPU of the processes per IP packet: of the sender per packet out, of the receiver per packet in',
        rows,
        notes: [
          `Medians of ${few.size.seeds.length} seeds, of the second half of ${seconds} s. All threads and the kernel's part; answers to what was sent are in it. WebSocket's packets are the kernel's.`,
        ],
      },
      ...(await codec()),
    ],
  };
}
