import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { EdgeError } from '#protocol/errors.js';
import { CONFIG_LIMITS } from './limits.js';

/**
 * Files that a pattern matches, relative to `folder` and sorted: `*` and `?` within a name, `**`
 * for any folders. Names that begin with a dot match only when the pattern says so; `**` does not
 * follow links. Node 20 has no glob of its own. Throws EDGE_LIMIT when it would look too far.
 */
export async function expandGlob(folder: string, pattern: string): Promise<string[]> {
  const walk = new Walk(folder);
  await walk.match(
    '',
    pattern.split('/').filter((part, index) => part !== '' || index === 0),
  );
  return [...walk.found].sort();
}

export function isGlob(pattern: string): boolean {
  return /[*?]/.test(pattern);
}

class Walk {
  readonly found = new Set<string>();
  readonly #folder: string;
  #entries = 0;

  constructor(folder: string) {
    this.#folder = folder;
  }

  async match(at: string, parts: readonly string[], depth = 0): Promise<void> {
    const [part, ...rest] = parts;
    if (part === undefined) {
      if (await this.#isFile(at)) this.found.add(at);
    } else if (part === '**') {
      await this.match(at, rest, depth);
      if (depth >= CONFIG_LIMITS.folderDepth) return;
      for (const { name, isFolder } of await this.#list(at))
        if (isFolder && !name.startsWith('.')) await this.match(under(at, name), parts, depth + 1);
    } else if (isGlob(part)) {
      const pattern = toPattern(part);
      for (const { name } of await this.#list(at))
        if (pattern.test(name) && name.startsWith('.') === part.startsWith('.'))
          await this.match(under(at, name), rest, depth);
    } else await this.match(under(at, part), rest, depth);
  }

  /** Nothing when it is no folder or cannot be read: then nothing in it matches. */
  async #list(at: string): Promise<{ name: string; isFolder: boolean }[]> {
    const entries = await readdir(this.#path(at), { withFileTypes: true }).catch(() => []);
    this.#entries += entries.length;
    if (this.#entries > CONFIG_LIMITS.folderEntries)
      throw new EdgeError('EDGE_LIMIT', `looks at over ${CONFIG_LIMITS.folderEntries} entries`);
    return entries.map((entry) => ({ name: entry.name, isFolder: entry.isDirectory() }));
  }

  async #isFile(at: string): Promise<boolean> {
    const found = await stat(this.#path(at)).catch(() => undefined);
    return found?.isFile() ?? false;
  }

  #path(at: string): string {
    return at.startsWith('/') ? at : join(this.#folder, at);
  }
}

/** An empty first part is the root of an absolute pattern. */
function under(at: string, name: string): string {
  if (name === '' && at === '') return '/';
  return at === '' || at.endsWith('/') ? `${at}${name}` : `${at}/${name}`;
}

/** Stars in a row are one: their repetition is what makes such an expression slow. */
function toPattern(part: string): RegExp {
  const source = part.replace(/\*+|[^*]/g, (piece) => {
    if (piece.startsWith('*')) return '.*';
    return piece === '?' ? '.' : piece.replace(/[\\^$.|+()[\]{}]/, '\\$&');
  });
  return new RegExp(`^${source}$`, 'su');
}
