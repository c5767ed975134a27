import type { ConfigReader } from '../config-reader.js';
import { MAPPER_LIMITS } from '../limits.js';
import { delimited, fixed, lengthPrefixed, lines, startEnd } from './matcher.js';
import type { Matcher } from './matcher.js';
import { cobs, slip } from './stuffing.js';

export interface Framing {
  readonly match: Matcher;
  /** Bytes of the longest frame. */
  readonly maxBytes: number;
  /** Framings with the same marks may take each other's frames. */
  readonly marks: string;
  /** Milliseconds of silence that end a frame; absent when bytes do. */
  readonly gapMs?: number;
}

const KINDS = ['line', 'delimiter', 'fixed', 'length', 'frame', 'gap', 'slip', 'cobs'] as const;

/** Reads `framing`; lines when there is none. */
export function readFraming(reader: ConfigReader): Framing | undefined {
  const section = reader.section('framing');
  const most = MAPPER_LIMITS.sensorFrameBytes;
  if (section === undefined) return { match: lines(most), maxBytes: most, marks: 'line' };
  const kind = section.choice('kind', KINDS);
  const maxBytes = section.integer('maxBytes', 1, most, Math.min(1024, most));
  const framing =
    kind === undefined || maxBytes === undefined ? undefined : build(section, kind, maxBytes);
  section.unknownKeys();
  return framing;
}

function build(
  section: ConfigReader,
  kind: (typeof KINDS)[number],
  maxBytes: number,
): Framing | undefined {
  const marked = (match: Matcher, ...marks: readonly Uint8Array[]): Framing => ({
    ...{ match, maxBytes },
    marks: [kind, ...marks.map((bytes) => Buffer.from(bytes).toString('hex'))].join(' '),
  });
  switch (kind) {
    case 'line':
      return marked(lines(maxBytes));
    case 'slip':
      return marked(slip(maxBytes));
    case 'cobs':
      return marked(cobs(maxBytes));
    case 'delimiter': {
      const delimiter = section.hex('delimiter');
      return delimiter && marked(delimited(delimiter, maxBytes), delimiter);
    }
    case 'fixed': {
      const sync = section.hex('sync');
      const length = section.integer('length', 1, maxBytes);
      if (sync === undefined || length === undefined) return undefined;
      return { ...marked(fixed(sync, length), sync), maxBytes: length };
    }
    case 'length': {
      const sync = section.hex('sync');
      const at = section.integer('lengthAt', 0, maxBytes);
      const types = ['uint8', 'uint16be', 'uint16le'] as const;
      const type = section.choice('lengthType', types, 'uint8');
      const add = section.integer('lengthAdd', -maxBytes, maxBytes, 0);
      if (sync === undefined || at === undefined || type === undefined || add === undefined)
        return undefined;
      return marked(lengthPrefixed(sync, { at, type, add }, maxBytes), sync);
    }
    case 'frame': {
      const [start, end] = [section.hex('start'), section.hex('end')];
      const tail = section.integer('tail', 0, 16, 0);
      if (start === undefined || end === undefined || tail === undefined) return undefined;
      return marked(startEnd(start, end, maxBytes, tail), start, end);
    }
    case 'gap': {
      const gapMs = section.integer('gapMs', 1, 60_000, 20);
      if (gapMs === undefined) return undefined;
      const tooLong = (bytes: Uint8Array) => bytes.length > maxBytes;
      const match: Matcher = (bytes) =>
        tooLong(bytes) ? { kind: 'noise', bytes: bytes.length } : { kind: 'more' };
      return { ...marked(match), gapMs };
    }
  }
}
