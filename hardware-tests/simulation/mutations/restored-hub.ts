import type { Mutation } from './mutation.js';

const HELLO = 'cloud/cloudhub/hello.js';
const ADOPT = 'cloud/cloudhub/judge-adopt.js';

/** Lives in which a hub is restored or emptied, and little else takes the attention. */
const HUB_CARDS = {
  faults: ['restore-hub', 'empty-hub', 'crash-hub', 'cut', 'crash-gateway', 'reorder'],
} as const;

/** Holes of a hub that comes back from a backup, or with an empty disk. */
export const RESTORED_HUB: readonly Mutation[] = [
  {
    name: 'H12',
    what: 'nobody finds out that the hub was restored',
    wishes: HUB_CARDS,
    patches: [
      {
        file: HELLO,
        find: 'return { adoptMark: isOther || isAhead ? hubMark : null };',
        replace: 'return { adoptMark: null };',
      },
    ],
  },
  {
    name: 'H12b',
    script: 'scripts/restored-hub',
    what: "the hub's counter itself is taken for the mark",
    wishes: HUB_CARDS,
    patches: [
      {
        file: HELLO,
        find: 'const hubMark = mark(numbering, hello.hubBoots);',
        replace: 'const hubMark = numbering.value;',
      },
    ],
  },
  {
    name: 'H13',
    what: 'what a restored hub remembers goes over what its gateway has got since',
    wishes: HUB_CARDS,
    patches: [
      {
        file: ADOPT,
        find: 'if (own === undefined || era > eraOf(marks, own.version.n)) {',
        replace: 'if (own === undefined) {',
      },
    ],
  },
  {
    name: 'H13b',
    what: 'what a gateway holds goes over what was written since the hub was restored',
    wishes: HUB_CARDS,
    patches: [
      {
        file: ADOPT,
        find: 'if (own === undefined || era > eraOf(marks, own.version.n)) {',
        replace: 'if (own === undefined || era > 0) {',
      },
    ],
  },
  {
    name: 'H26',
    what: "a restored hub goes on from its own epoch, below the gateway's",
    wishes: HUB_CARDS,
    patches: [
      {
        file: HELLO,
        find: 'const epoch = Math.max(before.epoch, hello.lastEpoch) + 1;',
        replace: 'const epoch = before.epoch + 1;',
      },
    ],
  },
  {
    name: 'H43',
    script: 'scripts/restored-hub',
    what: 'the gateway takes all that is not above `known` for delivered to a restored hub too',
    wishes: HUB_CARDS,
    patches: [
      {
        file: 'runtime/devicetwin/welcome.js',
        find: 'const hubWentBack = welcome.hubLineage !== draft.rows.identity().hubLineage;',
        replace: 'const hubWentBack = false;',
      },
    ],
  },
  {
    name: 'H44',
    script: 'scripts/restored-hub',
    what: 'a hub restored into the middle of its adoption goes on with it',
    wishes: HUB_CARDS,
    patches: [{ file: HELLO, find: 'if (!isFoundAgain)', replace: 'if (true)' }],
  },
];
