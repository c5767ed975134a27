import type { Mutation } from './mutation.js';

const NODE_COMMANDS = 'cloud/commands/node-commands.js';
const RECORD = 'cloud/commands/record.js';
const MACHINE = 'runtime/commands/command-machine.js';

/** Holes of commands. */
export const COMMANDS: readonly Mutation[] = [
  {
    name: 'H14',
    script: 'scripts/commands',
    what: 'what an earlier process has accepted is run by the next one',
    patches: [
      {
        file: 'cloud/commands/node-commands.js',
        find: "return state === 'sent' && sentTo === boot;",
        replace: "return state === 'sent';",
      },
      {
        file: MACHINE,
        find: 'if (this.#rows.has(id) || this.#refused.has(id)) {',
        replace:
          "if ((this.#rows.has(id) && this.#rows.get(id).state !== 'unknown') || this.#refused.has(id)) {",
      },
    ],
  },
  {
    name: 'H14b',
    script: 'scripts/commands',
    what: 'a command is sent again to any process of the gateway',
    patches: [
      {
        file: NODE_COMMANDS,
        find: "return state === 'sent' && sentTo === boot;",
        replace: "return state === 'sent';",
      },
    ],
  },
  {
    name: 'H14c',
    script: 'scripts/commands',
    what: 'a gateway that has never seen a command is sent it again',
    patches: [
      {
        file: 'cloud/commands/judge-result.js',
        find: 'const known = state !==',
        replace: `if (state === 'never-seen' && record !== undefined) {
        draft.put('commands', key, { ...record, state: 'new', answered: undefined });
        return [];
    }
    const known = state !==`,
      },
    ],
  },
  {
    name: 'H15',
    script: 'scripts/commands',
    what: 'what was sent and whose time is over counts as expired',
    patches: [
      {
        file: RECORD,
        find: "return record.state === 'new' && record.hubBoot === hubBoot ? 'expired' : 'unknown';",
        replace: "return 'expired';",
      },
    ],
  },
  {
    name: 'H16',
    script: 'scripts/commands',
    what: 'a command leaves before it is known as sent',
    patches: [
      {
        file: NODE_COMMANDS,
        find: "draft.put('commands', commandKey(draft.node, record.id), sent);",
        replace: 'void sent;',
      },
    ],
  },
];
