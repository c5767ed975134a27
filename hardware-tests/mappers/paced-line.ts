import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { compiled } from './compiled.js';

/** What was seen of a line: requests, those of them that came too early, the least silence before one. */
export interface LineSeen {
  readonly requests: number;
  readonly early: number;
  readonly leastGapMs: number;
}

export interface PacedLine {
  /** Where the master opens it. */
  readonly port: string;
  /** The dead unit answers from now on. */
  wake(): void;
  end(): Promise<LineSeen>;
}

/** A serial line at the speed of its baud rate, with ten or fewer slaves (paced-line.c). */
export class PacedLines {
  readonly #compiled = compiled('paced-line');

  async open(baudRate: number, units: number, dead = 0): Promise<PacedLine> {
    const words = [baudRate, units, dead].map(String);
    const child = spawn(this.#compiled.program, words, { stdio: ['pipe', 'pipe', 'inherit'] });
    const lines = createInterface(child.stdout);
    const told = async (): Promise<string> => String((await once(lines, 'line'))[0]);
    const port = await told();
    return {
      port,
      wake: () => void child.stdin.write('\n'),
      end: async () => {
        child.stdin.end();
        return JSON.parse(await told()) as LineSeen;
      },
    };
  }

  remove(): void {
    this.#compiled.remove();
  }
}

/** Milliseconds that a read of `count` registers takes at least, with the silence before both frames. */
export function leastMs(baudRate: number, count: number): number {
  const charMs = 11_000 / baudRate;
  const silence = baudRate > 19_200 ? 1.75 : 3.5 * charMs;
  return (8 + 5 + 2 * count) * charMs + 2 * silence;
}
