import { spawn } from 'node:child_process';

export interface ShellRun {
  readonly code: number | null;
  readonly output: string;
  readonly stdout: string;
}

/** Runs text as a person would type it, and ends what it left running in the background. */
export async function bash(
  text: string,
  cwd: string,
  env: NodeJS.ProcessEnv = process.env,
): Promise<ShellRun> {
  const child = spawn('bash', ['-c', text], {
    ...{ cwd, env },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  let [output, stdout] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => (stdout += chunk));
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (chunk: string) => (output += chunk));
  const code = await new Promise<number | null>((resolve) => child.once('exit', resolve));
  // What runs in the background is in the shell's process group.
  if (child.pid !== undefined) endGroup(child.pid);
  await new Promise((resolve) => {
    if (child.stdout.closed && child.stderr.closed) resolve(undefined);
    else child.once('close', resolve);
  });
  return { code, output, stdout };
}

function endGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGTERM');
  } catch {
    // Nothing is left of it.
  }
}
