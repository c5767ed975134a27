import fc from 'fast-check';
import test from 'ava';
import { filterMatches, isTopicFilter, isTopicName } from './topic-filter.js';
import { TopicTree } from './topic-tree.js';

const limits = { topicChars: 20, topicLevels: 4 };
const level = fc.constantFrom('a', 'b', '', '$s', '__proto__');
const names = fc.array(level, { minLength: 1, maxLength: 4 }).map((levels) => levels.join('/'));
const filters = fc
  .tuple(fc.array(fc.oneof(level, fc.constant('+')), { maxLength: 4 }), fc.boolean())
  .map(([levels, rest]) => [...levels, ...(rest ? ['#'] : [])].join('/'))
  .filter((filter) => filter !== '');

test('the tree finds exactly the filters that match, through adds, removes and its cache', (t) => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.boolean(), filters), { maxLength: 30 }),
      fc.array(names, { minLength: 1, maxLength: 5 }),
      (changes, topics) => {
        const tree = new TopicTree<string>();
        const model = new Set<string>();
        for (const [add, filter] of changes) {
          if (add) tree.add(filter, filter);
          else tree.remove(filter, filter);
          if (add) model.add(filter);
          else model.delete(filter);
          for (const topic of topics) {
            const expected = [...model].filter((known) => filterMatches(known, topic)).sort();
            t.deepEqual([...tree.match(topic)].sort(), expected);
          }
        }
      },
    ),
  );
});

for (const [filter, topic, matches] of [
  ['a/#', 'a', true],
  ['a/#', 'a/b/c', true],
  ['a/+', 'a/', true],
  ['a/+', 'a', false],
  ['+/+', '/a', true],
  ['+', '/a', false],
  ['#', '$SYS/a', false],
  ['+/a', '$SYS/a', false],
  ['$SYS/#', '$SYS/a', true],
  ['$SYS/+', '$SYS/a', true],
  ['#', 'a', true],
] as const) {
  test(`'${filter}' ${matches ? 'matches' : 'does not match'} '${topic}'`, (t) => {
    t.is(filterMatches(filter, topic), matches);
  });
}

test('names and filters are checked', (t) => {
  for (const good of ['a', '/', 'a//b', '$x', 'ä/€']) t.true(isTopicName(good, limits), good);
  for (const bad of ['', 'a/+', '#', 'a\0', 'a\uFFFD', '1/2/3/4/5', 'x'.repeat(21)])
    t.false(isTopicName(bad, limits), bad);
  for (const good of ['#', '+', 'a/#', '+/+/#', '/+']) t.true(isTopicFilter(good, limits), good);
  for (const bad of ['', 'a#', '#/a', 'a+', '+a/b', 'a/#/b', '+/+/+/+/#'])
    t.false(isTopicFilter(bad, limits), bad);
});
