import type { Command, Flag } from '#protocol/command-line/command.js';
import { DRY_RUN_FLAG } from '#protocol/command-line/time-text.js';

export function factoryResetCommand(config: Flag): Command {
  return {
    words: ['factory-reset'],
    summary: 'Erase identity, twins and history of this gateway; it must not run.',
    flags: [config, { name: 'yes', summary: 'It is meant.' }, DRY_RUN_FLAG],
    example: 'edgetwin factory-reset --dry-run',
  };
}
