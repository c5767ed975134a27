import type { ControlClient } from '#protocol/command-line/control-client.js';
import type { Arguments } from '#protocol/command-line/parse.js';
import type { Terminal } from '#protocol/command-line/terminal.js';
import { printable } from '#protocol/command-line/text-table.js';
import { EdgeError } from '#protocol/errors.js';
import { readForward, targetText } from '#tunnel/transport.js';

/** What a gateway's answer means for the person who waits for a connection. */
const REFUSALS: Readonly<Record<string, string>> = {
  forbidden: 'the gateway does not allow this target any more',
  unreachable: 'nobody answers there',
  full: 'the gateway forwards as many connections as it can',
  'no-stream': 'the gateway is not connected, or has no room',
  lost: 'the gateway did not answer',
};

/** `forward`: open until interrupted. */
export async function forward(
  client: ControlClient,
  args: Arguments,
  terminal: Terminal,
): Promise<void> {
  const node = args.required('NODE');
  const { listen, target } = forwardOf(args);
  const request = {
    method: 'POST',
    path: `/api/v1/nodes/${encodeURIComponent(node)}/forwards`,
    body: { listen: targetText({ ...listen, carriage: 'tcp' }), target: targetText(target) },
  } as const;
  for await (const event of client.events(request, terminal.signal)) {
    if (args.on('json')) terminal.out(`${JSON.stringify(event)}\n`);
    else sayFor(event.event, event.data as Readonly<Record<string, string>>, terminal);
  }
  if (!terminal.signal.aborted)
    throw new EdgeError('EDGE_CONNECTION', 'the hub ended the forwarding', {
      hint: 'It stopped, or the rights of this operator ended.',
    });
}

function sayFor(event: string, data: Readonly<Record<string, string>>, terminal: Terminal): void {
  if (event === 'open') {
    const { listen = '', target = '', node = '' } = data;
    terminal.out(`${printable(`${listen} leads to ${target} of ${node}; interrupt to end`)}\n`);
  } else if (event === 'refused') {
    const why = data['why'] ?? '';
    terminal.err(`refused: ${printable(REFUSALS[why] ?? why)}\n`);
  }
}

function forwardOf(args: Arguments): ReturnType<typeof readForward> {
  const text = args.required('LISTEN:TARGET');
  try {
    return readForward(args.on('udp') ? `udp:${text}` : text);
  } catch (cause) {
    throw new EdgeError('EDGE_USAGE', `${text} is not LISTEN:TARGET`, {
      cause,
      hint: 'Write host:port:host:port, such as 127.0.0.1:8080:127.0.0.1:80.',
    });
  }
}
