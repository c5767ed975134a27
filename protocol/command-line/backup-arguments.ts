import type { Flag, Operand } from './command.js';

/** The arguments of `backup` and `restore`, which both programs have. */
export const BACKUP_FILE_OPERAND: Operand = {
  name: 'FILE',
  summary: 'The backup: one file that only its owner may read.',
};

export const BACKUP_FLAGS: readonly Flag[] = [
  {
    name: 'with-identity',
    summary:
      'Also put the private keys and certificates into it: whoever has it can be this program.',
  },
  { name: 'force', summary: 'Replace the file if it exists.' },
];

export const RESTORE_FLAGS: readonly Flag[] = [
  { name: 'dry-run', summary: 'Check everything, say what would be done, and change nothing.' },
];
