import type { Mutation } from './mutation.js';

const JUDGE_LOCAL = 'cloud/cloudhub/judge-local.js';
const DESIRED = 'runtime/devicetwin/desired.js';
const TWIN = 'protocol/twin.js';

const LATE =
  'lives change at a restart only, and nothing of the old connection is heard once its successor has taken over';

/** Holes of desired values: local writes, writes to devices, lives of devices. */
export const DESIRED_STATE: readonly Mutation[] = [
  {
    name: 'H17',
    script: 'scripts/local-writes',
    what: 'local writes have no numbers for the hub: a late copy is judged again',
    patches: [
      {
        file: JUDGE_LOCAL,
        find: 'const age = last === undefined ? 1 : compareVersions(lid, last.lid);',
        replace: 'const age = 1;',
      },
    ],
  },
  {
    name: 'H18',
    what: 'a second local write stands on the stored version, not on its predecessor',
    patches: [
      {
        file: DESIRED,
        find: 'const chained = pending !== undefined && pending.lost !== true;',
        replace: 'const chained = false;',
      },
    ],
  },
  {
    name: 'H19',
    what: 'the echo of an older own write is written over the newer one',
    patches: [
      {
        file: DESIRED,
        find: 'if (isOwnEcho(origin, pending.chainStart)) {',
        replace: 'if (false) {',
      },
    ],
  },
  {
    name: 'H19b',
    script: 'scripts/local-writes',
    what: 'a local write that lost stays at the device',
    patches: [
      {
        file: 'runtime/devicetwin/twin-rows.js',
        find: 'if (pending !== undefined && pending.lost !== true) {\n        const { lid, value } = pending;',
        replace: 'if (pending !== undefined) {\n        const { lid, value } = pending;',
      },
    ],
  },
  {
    name: 'H19c',
    script: 'scripts/local-writes',
    what: 'an accepted local write does not become the base of the next one',
    patches: [
      {
        file: DESIRED,
        find: "if (outcome !== 'ok' || version === undefined)\n        return;",
        replace: 'if (true)\n        return;',
      },
    ],
  },
  {
    name: 'H20',
    what: 'a write is recorded before it has ended',
    patches: [
      {
        file: 'runtime/devicetwin/writer.js',
        find: 'const outcome = await this.#outcome(mapper, device, property, target);',
        replace: `void twins.writeEnded({ kind: 'write-ended', device, incarnation, property, target });
        const outcome = await this.#outcome(mapper, device, property, target);`,
      },
    ],
  },
  {
    name: 'H20b',
    what: 'in-sync by value alone',
    patches: [
      {
        file: TWIN,
        find: 'if (!sameVersion(reported.desiredVersion, desired.version))',
        replace: 'if (false)',
      },
    ],
  },
  {
    name: 'H20c',
    script: 'scripts/in-sync',
    what: 'in-sync by version alone',
    patches: [
      {
        file: TWIN,
        find: "if (reported.quality === 'good' && !equalValues(reported.value, desired.value))",
        replace: 'if (false)',
      },
    ],
  },
  {
    name: 'H21',
    unreachable: LATE,
    what: 'an announcement of an earlier life is taken for news',
    patches: [
      {
        file: 'cloud/cloudhub/judge-announce.js',
        find: 'if (before !== undefined && compareVersions(version, before.version) <= 0)',
        replace: 'if (false)',
      },
    ],
  },
  {
    name: 'H21b',
    script: 'scripts/hub-devices',
    what: 'a report of an earlier life is taken for one of the present',
    patches: [
      {
        file: 'cloud/cloudhub/judge-state.js',
        find: 'if (!sameVersion(device.incarnation, row.incarnation))',
        replace: 'if (false)',
      },
    ],
  },
  {
    name: 'H21c',
    what: 'a twin is kept across the lives of its device',
    patches: [
      {
        file: 'cloud/cloudhub/judge-announce.js',
        find: 'if (kept.has(name))',
        replace: 'if (true)',
      },
    ],
  },
  {
    name: 'H21d',
    script: 'scripts/hub-devices',
    what: 'a desired value of an earlier life is stored',
    patches: [
      {
        file: DESIRED,
        find: '!sameVersion(life.incarnation, row.incarnation))',
        replace: 'false)',
      },
    ],
  },
  {
    name: 'H28',
    what: 'what an announcement does not name is deleted',
    patches: [
      {
        file: 'cloud/cloudhub/judge-announce.js',
        find: "outcome.effects.push(count('tombstonesForgotten', forgetTombstones(draft)));",
        replace: `for (const [key, row] of draft.base.all('devices'))
        if (row.description !== null && !message.rows.some(({ device }) => device === deviceOfKey(key)))
            draft.put('devices', key, { ...row, description: null });`,
      },
    ],
  },
];
