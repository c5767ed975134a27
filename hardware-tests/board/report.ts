import type { Reading } from '#protocol/mapper-port.js';
import type { Identity } from './identity.js';

export interface Check {
  readonly name: string;
  readonly outcome: 'passed' | 'failed' | 'skipped';
  readonly detail: string;
}

export interface Report {
  readonly template: string;
  readonly identity: Identity;
  readonly checks: readonly Check[];
  readonly readings: readonly Reading[];
  readonly counters: Readonly<Record<string, number>>;
}

export function hasPassed({ checks }: Report): boolean {
  return checks.every(({ outcome }) => outcome !== 'failed');
}

/** As Markdown, to be read and to be sent to others. */
export function formatReport({ template, identity, checks, readings, counters }: Report): string {
  const { kernel, processor, node, port, adapter } = identity;
  const facts = Object.entries(adapter).map(([name, value]) => `${name} ${value}`);
  const nonZero = Object.entries(counters).filter(([, count]) => count !== 0);
  return [
    `# Hardware test: ${template}`,
    '',
    `- board: ${processor}`,
    `- kernel: ${kernel}; Node ${node}`,
    `- port: ${port}`,
    `- adapter: ${facts.length === 0 ? 'the kernel tells nothing of it' : facts.join(', ')}`,
    '',
    '| check | outcome | what was seen |',
    '| --- | --- | --- |',
    ...checks.map(({ name, outcome, detail }) => `| ${name} | ${outcome} | ${cell(detail)} |`),
    '',
    '| property | value | quality |',
    '| --- | --- | --- |',
    ...readings.map(
      ({ property, value, quality, reason = '' }) =>
        `| ${property} | ${cell(JSON.stringify(value))} | ${quality} ${reason} |`,
    ),
    '',
    `Counters: ${nonZero.map(([name, count]) => `${name} ${count}`).join(', ')}.`,
    '',
  ].join('\n');
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ');
}
