import type { Mutation } from './mutation.js';

const JUDGE = 'cloud/history/judge-samples.js';
const CHANNEL = 'runtime/history/sample-channel.js';

/** Holes of the sample stream. */
export const SAMPLES: readonly Mutation[] = [
  {
    name: 'H2',
    what: 'a range that overtook the one before it moves the cursor past both',
    patches: [{ file: JUDGE, find: 'if (from > stored) {', replace: 'if (false) {' }],
  },
  {
    name: 'H3',
    what: 'a gap is not told: the hub waits for samples that were given up',
    patches: [
      {
        file: CHANNEL,
        find: 'const from = stream.sent;',
        replace: 'const from = taken === 0 ? stream.sent : stream.rows[0].n - 1;',
      },
    ],
  },
  {
    name: 'H24b',
    what: 'samples and their cursor are two transactions',
    patches: [
      {
        file: 'cloud/store/embedded-hub-store.js',
        find: 'const durable = this.#store.commit([\n            ...puts,\n            ...(draft?.puts ?? []),\n        ]);',
        replace: `if (draft !== undefined) await this.#store.commit(draft.puts);
        const durable = this.#store.commit(puts);`,
      },
    ],
  },
  {
    name: 'H29',
    what: 'a sample that is rejected is not accounted for',
    patches: [
      {
        file: JUDGE,
        find: 'const dropped = to - stored - fresh.length;',
        replace:
          'if (letters.length > 0) return NOTHING;\n    const dropped = to - stored - fresh.length;',
      },
    ],
  },
  {
    name: 'H31',
    what: 'samples do not wait for what state has to say first',
    patches: [
      {
        file: CHANNEL,
        find: 'if (stateWaits || !hasRoom(stream))',
        replace: 'if (!hasRoom(stream))',
      },
      { file: CHANNEL, find: 'this.#stateWaits = stateWaits;', replace: '' },
    ],
  },
];
