/**
 * MQTT topic names and filters (MQTT 3.1.1 section 4.7). Pure. Aedes checks less: it accepts some
 * misplaced wildcards and has no limit of its own on length.
 */
export interface TopicLimits {
  readonly topicChars: number;
  readonly topicLevels: number;
}

/** A replacement character stands for bytes that were no UTF-8: [MQTT-1.5.3-1], [MQTT-1.5.3-2]. */
const FORBIDDEN = /[\0\uFFFD]/;

export function isTopicName(topic: string, limits: TopicLimits): boolean {
  return fits(topic, limits) && !topic.includes('+') && !topic.includes('#');
}

export function isTopicFilter(filter: string, limits: TopicLimits): boolean {
  if (!fits(filter, limits)) return false;
  const levels = filter.split('/');
  return levels.every((level, index) => {
    if (level === '#') return index === levels.length - 1; // [MQTT-4.7.1-2]
    return level === '+' || (!level.includes('+') && !level.includes('#')); // [MQTT-4.7.1-3]
  });
}

/** For a valid filter and a valid name. Wildcards at the front do not match `$` [MQTT-4.7.2-1]. */
export function filterMatches(filter: string, topic: string): boolean {
  if (filter === topic) return true;
  if (topic.startsWith('$') && startsWithWildcard(filter)) return false;
  const wanted = filter.split('/');
  const levels = topic.split('/');
  for (const [index, level] of wanted.entries()) {
    if (level === '#') return true;
    if (index >= levels.length) return false;
    if (level !== '+' && level !== levels[index]) return false;
  }
  return wanted.length === levels.length;
}

export function hasWildcard(filter: string): boolean {
  return filter.includes('+') || filter.endsWith('#');
}

export function startsWithWildcard(filter: string): boolean {
  return filter.startsWith('+') || filter.startsWith('#');
}

function fits(topic: string, limits: TopicLimits): boolean {
  if (topic.length === 0 || topic.length > limits.topicChars || FORBIDDEN.test(topic)) return false;
  let levels = 1;
  for (let at = topic.indexOf('/'); at !== -1; at = topic.indexOf('/', at + 1)) levels++;
  return levels <= limits.topicLevels;
}
