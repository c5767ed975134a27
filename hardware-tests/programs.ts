import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** Lines of a program's output that are kept for a failure report. */
const LOG_LINES_MAX = 200;
/** A bound on hanging: a machine that does other work takes its time. */
const START_TIMEOUT_MS = 120_000;
/** A program must stop within 5 s of SIGTERM; a noisy machine gets a minute before SIGKILL. */
const STOP_TIMEOUT_MS = 60_000;

export const EDGETWIN = compiled('runtime/main.js');
export const EDGETWIN_HUB = compiled('cloud/main.js');
export const METER = compiled('hardware-tests/simulators/modbus-meter.js');

function compiled(path: string): string {
  return fileURLToPath(new URL(`../${path}`, import.meta.url));
}

export interface LaunchOptions {
  readonly execArgv?: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  /** A program and its arguments that run ours, such as `prlimit --nofile=40`. */
  readonly under?: readonly string[];
}

/** One of our programs as a real process: started until it says ready, stopped or killed. */
export class Program {
  readonly name: string;
  readonly log: string[] = [];
  /** Bytes of output since the start. */
  logBytes = 0;
  readonly exited: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  readonly #child: ChildProcess;
  readonly #readyLine: Promise<void>;
  #ready: Record<string, unknown> = {};
  readonly #saidAtMs = new Map<unknown, number>();

  private constructor(name: string, child: ChildProcess) {
    this.name = name;
    this.#child = child;
    this.exited = new Promise((resolve) => {
      child.once('exit', (code, signal) => {
        resolve({ code, signal });
      });
    });
    this.#readyLine = new Promise((resolve, reject) => {
      const fail = (why: string): void => {
        reject(new Error(`${name} ${why}\n${this.log.join('\n')}`));
      };
      const timer = setTimeout(() => {
        fail('did not become ready');
      }, START_TIMEOUT_MS);
      void this.exited.then(({ code }) => {
        clearTimeout(timer);
        fail(`ended with ${code} before it was ready`);
      });
      this.#read((line) => {
        const event = parse(line);
        const name = event?.['event'];
        if (!this.#saidAtMs.has(name)) this.#saidAtMs.set(name, performance.now());
        if (event === undefined || name !== 'ready') return;
        clearTimeout(timer);
        this.#ready = event;
        resolve();
      });
    });
    // Who launches a program to kill it at once does not ask.
    this.#readyLine.catch(() => undefined);
  }

  /** Does not wait for it to become ready. */
  static launch(
    name: string,
    script: string,
    args: readonly string[],
    options: LaunchOptions = {},
  ): Program {
    const command = [process.execPath, ...(options.execArgv ?? []), script, ...args];
    const [program = '', ...rest] = [...(options.under ?? []), ...command];
    const child = spawn(program, rest, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: options.env ?? process.env,
    });
    return new Program(name, child);
  }

  /** Resolves at the program's `{"event":"ready", ...}` line; rejects with its log otherwise. */
  static async start(...launch: Parameters<typeof Program.launch>): Promise<Program> {
    const program = Program.launch(...launch);
    try {
      await program.ready();
    } catch (error) {
      await program.kill();
      throw error;
    }
    return program;
  }

  ready(): Promise<void> {
    return this.#readyLine;
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** A text field of the ready line, such as an address. */
  address(field: string): string {
    const value = this.#ready[field];
    if (typeof value !== 'string')
      throw new Error(`${this.name} said no ${field}: ${JSON.stringify(this.#ready)}`);
    return value;
  }

  /** When a line of its log first said this, by `performance.now()`. */
  saidAtMs(event: string): number {
    const at = this.#saidAtMs.get(event);
    if (at === undefined) throw new Error(`${this.name} never said ${event}`);
    return at;
  }

  /** SIGTERM, and the exit code; null when it had to be killed. */
  async stop(): Promise<number | null> {
    this.#child.kill('SIGTERM');
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), STOP_TIMEOUT_MS);
    const { code } = await this.exited;
    clearTimeout(timer);
    return code;
  }

  /** kill -9. */
  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.exited;
  }

  #read(onLine: (line: string) => void): void {
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      if (stream === null) continue;
      createInterface({ input: stream }).on('line', (line) => {
        this.log.push(line);
        this.logBytes += Buffer.byteLength(line) + 1;
        if (this.log.length > LOG_LINES_MAX) this.log.shift();
        onLine(line);
      });
    }
  }
}

/** Runs a verb to its end. */
export async function runVerb(
  script: string,
  args: readonly string[],
): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const child = spawn(process.execPath, [script, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  return new Promise((resolve) => {
    child.once('close', (code) => {
      resolve({ code, stdout, stderr });
    });
  });
}

/** As `runVerb`, but a failure is an error and stdout is returned trimmed. */
export async function mustRun(script: string, args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await runVerb(script, args);
  if (code !== 0) throw new Error(`${args.join(' ')} ended with ${code}\n${stdout}${stderr}`);
  return stdout.trim();
}

function parse(line: string): Record<string, unknown> | undefined {
  if (!line.startsWith('{')) return undefined;
  try {
    return JSON.parse(line) as Record<string, unknown>;
  } catch {
    return undefined;
  }
}
