import type { Mutation } from './mutation.js';

const HELLO = 'cloud/cloudhub/hello.js';
const REDUCER = 'runtime/devicetwin/reducer.js';

/** Lives in which a gateway is restored, and little else takes the attention. */
const GATEWAY_CARDS = {
  gateways: 1,
  faults: ['restore-gateway', 'crash-gateway', 'crash-hub', 'cut', 'reorder'],
} as const;

/** Holes of restored backups and of epochs. */
export const RESTORED: readonly Mutation[] = [
  {
    name: 'H6',
    script: 'scripts/restored-gateway',
    wishes: GATEWAY_CARDS,
    what: 'the counter itself is taken for the mark',
    patches: [
      {
        file: HELLO,
        find: 'state: mark(hello.state, learnt)',
        replace: 'state: hello.state.value',
      },
    ],
  },
  {
    name: 'H7',
    script: 'scripts/restored-gateway',
    wishes: GATEWAY_CARDS,
    what: 'the hub learns the boots at HELLO',
    patches: [
      {
        file: HELLO,
        find: '{ ...forked, epoch, ...marks }',
        replace:
          '{ ...forked, epoch, ...marks, learntBoots: [...before.learntBoots, ...bootsOf(hello)] }',
      },
    ],
  },
  {
    name: 'H8',
    script: 'scripts/restored-gateway',
    wishes: GATEWAY_CARDS,
    what: 'the gateway forgets its forks at WELCOME',
    patches: [
      {
        file: REDUCER,
        find: 'welcomed(draft, event.welcome);',
        replace: 'welcomed(draft, event.welcome);\n            confirm(draft, boot);',
      },
    ],
  },
  {
    name: 'H9',
    script: 'scripts/restored-gateway',
    wishes: GATEWAY_CARDS,
    what: 'a store has no lineage of its own, and passes for the current one',
    patches: [
      {
        file: 'runtime/metamanager/meta-store.js',
        find: 'lineage: randomId(options.random),',
        replace: "lineage: '0000000000000000',",
      },
      {
        file: HELLO,
        find: "const lineages = [...rows.all('lineages').values()];",
        replace: `const newest = [...rows.all('lineages')].sort(([, a], [, b]) => b.gen - a.gen)[0]?.[0];
    if (hello.lineage === '0000000000000000')
        hello = { ...hello, lineage: newest === undefined ? freshLineage : deviceOfKey(newest) };
    const lineages = [...rows.all('lineages').values()];`,
      },
    ],
  },
  {
    name: 'H10',
    wishes: GATEWAY_CARDS,
    what: 'the mark is the start of the oldest boot, learnt or not',
    patches: [
      {
        file: 'protocol/numbering.js',
        find: 'state.forks.find((fork) => !knownBoots.includes(fork.boot))',
        replace: 'state.forks[0]',
      },
    ],
  },
  {
    name: 'H11',
    wishes: GATEWAY_CARDS,
    what: 'what a backup holds takes new numbers after a fork, instead of being read again',
    patches: [
      {
        file: 'runtime/devicetwin/welcome.js',
        find: 'draft.reported(device, property, { ...row, stale: true, gen: prior });',
        replace: 'draft.reported(device, property, { ...row, n: draft.rows.number() });',
      },
    ],
  },
  {
    name: 'H11b',
    script: 'scripts/restored-gateway',
    wishes: GATEWAY_CARDS,
    what: 'a repair takes stale rows',
    patches: [
      {
        file: 'runtime/devicetwin/device-digest.js',
        find: 'report?.stale === true || ',
        replace: '',
      },
      {
        file: REDUCER,
        find: 'if (row === undefined || row.stale === true)\n            continue;\n        if (describedProperty',
        replace: 'if (row === undefined)\n            continue;\n        if (describedProperty',
      },
    ],
  },
  {
    name: 'H22',
    script: 'scripts/sessions',
    what: 'a message is judged under whatever session stands, whoever sent it',
    patches: [
      {
        file: 'cloud/cloudhub/sync-machine.js',
        find: 'if (session?.id !== id)',
        replace: 'if (session === undefined)',
      },
      {
        file: 'cloud/cloudhub/sync-machine.js',
        find: "if ('epoch' in message && message.epoch !== session.epoch)",
        replace: 'if (false)',
      },
      // Or nothing of the old session would be heard any more.
      {
        file: 'cloud/cloudhub/judge-takeover.js',
        find: "...goodbye(id, 'superseded', detail, 'superseded'),",
        replace: '',
      },
    ],
  },
  {
    name: 'H22b',
    script: 'scripts/sessions',
    what: 'the epoch is what the gateway presents, plus one',
    patches: [
      {
        file: HELLO,
        find: 'const epoch = Math.max(before.epoch, hello.lastEpoch) + 1;',
        replace: 'const epoch = hello.lastEpoch + 1;',
      },
    ],
  },
  {
    name: 'H22c',
    what: 'the commit does not look at the epoch',
    patches: [
      {
        file: 'cloud/store/embedded-hub-store.js',
        find: "if ((this.#store.get('nodes', node)?.epoch ?? 0) !== epoch)",
        replace: 'if (false)',
      },
    ],
    unreachable:
      'one hub process judges and commits the events of a node one after the other; the check is for several',
  },
  {
    name: 'H23',
    what: 'a gateway that forgot its last session is called a clone',
    patches: [
      {
        file: HELLO,
        find: 'return node !== undefined && node.boot !== boot && node.retiredBoots.includes(boot);',
        replace: 'return node !== undefined && arguments[1].lastEpoch < node.metEpoch;',
      },
    ],
  },
  {
    name: 'H34',
    script: 'restored-properties',
    wishes: GATEWAY_CARDS,
    what: 'a row of a backup that was never delivered passes for delivered',
    patches: [
      {
        file: 'runtime/devicetwin/welcome.js',
        find: 'if (prior === 0)\n                draft.acknowledged(key, row.n);',
        replace: 'draft.acknowledged(key, row.n);',
      },
    ],
  },
  {
    name: 'H27',
    wishes: GATEWAY_CARDS,
    what: 'the hub skips what an earlier session has stored',
    patches: [
      {
        file: 'cloud/synccontroller/downlink.js',
        find: 'this.#rows = rows;',
        replace: `this.#rows = rows;
        const kept = (globalThis.kept ??= new WeakMap());
        if (!kept.has(rows)) kept.set(rows, new Map());
        this.#stored = kept.get(rows);`,
      },
      {
        file: 'cloud/synccontroller/downlink.js',
        find: 'for (const [key] of this.#versions(device))\n            this.#waiting.add(key);',
        replace:
          'for (const [key, version] of this.#versions(device))\n            if (!this.isStored(key, version)) this.#waiting.add(key);',
      },
    ],
  },
];
