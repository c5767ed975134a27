import type { Arguments } from '#protocol/command-line/parse.js';
import type { Terminal } from '#protocol/command-line/terminal.js';
import { EdgeError } from '#protocol/errors.js';
import { belongingsOf, eraseFolder } from '#journal/erase.js';
import type { Belongings } from '#journal/erase.js';
import { LAYOUT } from './backup-verbs.js';
import { configFile, readSite } from './gateway-file.js';

/**
 * Makes a gateway forget who it is and what it knows. Rejects with EDGE_LOCKED while it runs, with
 * EDGE_USAGE when nobody said that it is meant.
 */
export async function factoryReset(args: Arguments, terminal: Terminal): Promise<void> {
  const { node, dataDir } = await readSite(await configFile(args));
  const dryRun = args.on('dry-run');
  if (!dryRun && !args.on('yes'))
    throw new EdgeError(
      'EDGE_USAGE',
      `this would erase ${dataDir}, the identity of ${node} first`,
      {
        hint: 'See what it would be with --dry-run, back it up if you may need it, then say --yes.',
      },
    );
  const found = dryRun ? await belongingsOf(dataDir, LAYOUT) : await eraseFolder(dataDir, LAYOUT);
  terminal.out(
    args.on('json')
      ? `${JSON.stringify({ node, dataDir, dryRun, ...found })}\n`
      : told(node, dataDir, found, dryRun),
  );
}

function told(node: string, dataDir: string, found: Belongings, dryRun: boolean): string {
  const names = [...found.identity, ...found.other];
  const what = names.length === 0 ? 'nothing' : names.join(', ');
  const lines = [`${dryRun ? 'would erase' : 'erased'} in ${dataDir}: ${what}`];
  if (found.foreign.length > 0)
    lines.push(`not made by edgetwin, kept: ${found.foreign.join(', ')}`);
  if (!dryRun)
    lines.push(
      `the hub still knows ${node}: edgetwin-hub revoke ${node}, or join again under this name`,
      'a flash card keeps old copies of erased blocks: destroy a card that held a key you must protect',
    );
  return `${lines.join('\n')}\n`;
}
