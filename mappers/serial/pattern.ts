import { RE2JS } from 're2js';

/** The part of a text that a pattern asks for; undefined when it does not match. */
export type Pattern = (text: string) => string | undefined;

/**
 * The group `value`, or the first one, or all of the match. RE2 matches in linear time, whatever
 * the pattern: one from outside cannot hang the gateway. Throws when it is no pattern of RE2's.
 */
export function compilePattern(source: string): Pattern {
  const pattern = RE2JS.compile(source);
  const group = pattern.namedGroups()['value'] ?? Math.min(1, pattern.groupCount());
  return (text) => {
    const match = pattern.matcher(text);
    return match.find() ? (match.group(group) ?? undefined) : undefined;
  };
}
