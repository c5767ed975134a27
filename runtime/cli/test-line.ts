import { commandName } from '#protocol/command-line/command.js';
import { runCommandLine } from '#protocol/command-line/terminal.js';
import { EDGETWIN } from './commands.js';
import { VERBS } from './verbs.js';

/** Runs a line of `edgetwin` in this process: its exit code and what it wrote. */
export async function run(...argv: string[]) {
  let [out, err] = ['', ''];
  const terminal = {
    out: (text: string) => void (out += text),
    err: (text: string) => void (err += text),
    signal: new AbortController().signal,
  };
  const code = await runCommandLine(
    EDGETWIN,
    () => '0.0.0',
    async (command) => {
      const verb = VERBS[commandName(command)];
      if (verb === undefined) throw new TypeError(`no verb ${commandName(command)}`);
      return Promise.resolve(verb);
    },
    argv,
    terminal,
  );
  return { code, out, err };
}
