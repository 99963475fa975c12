/** Front matter as people write it: what YAML takes, what it dislikes, what is none. */
import { one, type Input } from './input.ts'

const note = (
  what: string,
  head: string,
  came: Readonly<Record<string, unknown>>,
  says: readonly string[] = [],
): Input => one(what, 'n.md', `---\n${head}\n---\nbody\n`, [{ content: 'body', ...came }], { says })
const bomb = `a: &a [x,x,x,x,x,x,x,x,x,x]\n${'bcdefghi'
  .split('')
  .map((name, i) => `${name}: &${name} [${Array.from({ length: 10 }, () => `*${'abcdefgh'[i]!}`).join(',')}]`)
  .join('\n')}`

export const frontMatterInputs: readonly Input[] = [
  note('a title', 'title: Deploy', { title: 'Deploy' }),
  note('a colon in the title', 'title: Deploy: how we do it', { title: 'Deploy: how we do it' }, ['no YAML']),
  note('a hash in the title', 'title: "C# notes"', { title: 'C# notes' }),
  note('a title that begins with a mark', 'title: @home', { title: '@home' }, ['no YAML']),
  note('a title of quotes in the middle', `title: The "best" 'way'`, { title: `The "best" 'way'` }),
  note('a title that begins with a quote', 'title: "Deploy" and more', { title: '"Deploy" and more' }, ['no YAML']),
  note('a title that is a number', 'title: 2024', { title: '2024' }),
  note('a title that is true', 'title: true', { title: 'true' }),
  note('a title of emoji', 'title: 🌱 Größe', { title: '🌱 Größe' }),
  note('an empty title', 'title:', { title: 'n' }),
  note('a title twice', 'title: One\ntitle: Two', { title: 'One', metadata: { 'title (2)': 'Two', path: 'n.md' } }, [
    'title stands there more than once',
  ]),
  note('other keys twice', 'a: 1\nb: x\na: 2', { metadata: { a: 1, b: 'x', 'a (2)': 2, path: 'n.md' } }, [
    'a stands there more than once',
  ]),
  note('tabs that indent', 'tags:\n\t- a\n\t- b', { tags: ['a', 'b'] }, ['no YAML']),
  note('a tab behind the colon', 'title:\tDeploy', { title: 'Deploy' }),
  note('tags as a list', 'tags: [a, "#b"]', { tags: ['a', 'b'] }),
  note('tags as a text', 'tags: a, b', { tags: ['a', 'b'] }),
  note('an empty bullet in tags', 'tags:\n  - a\n  -\n  - b', { tags: ['a', 'b'] }),
  note('tags of nothing', 'tags:', { tags: [] }),
  note('a number as a tag', 'tags: [2024, x]', { tags: ['2024', 'x'] }),
  note(
    'an object among tags',
    'tags:\n  - a\n  - {b: 1}',
    { tags: ['a'], metadata: { tags: [{ b: 1 }], path: 'n.md' } },
    ['tags [{"b":1}]'],
  ),
  note(
    'seventy tags',
    `tags: [${Array.from({ length: 70 }, (_, i) => `t${i}`).join(', ')}]`,
    { tags: Array.from({ length: 64 }, (_, i) => `t${i}`) },
    ['tags ["t64"'],
  ),
  note(
    'a tag of 200 letters',
    `tags: [a, ${'x'.repeat(200)}]`,
    { tags: ['a'], metadata: { tags: ['x'.repeat(200)], path: 'n.md' } },
    ['tags ["xxx'],
  ),
  note('a large integer', 'n: 9007199254740993', { metadata: { n: '9007199254740993', path: 'n.md' } }, [
    'n: 9007199254740993 has more digits',
  ]),
  note('the largest counted integer', 'n: 9007199254740991', { metadata: { n: 9007199254740991, path: 'n.md' } }),
  note('a large float', 'n: 1.5e18', { metadata: { n: 1.5e18, path: 'n.md' } }),
  note('no number', 'n: .nan', { metadata: { n: 'NaN', path: 'n.md' } }, ['kept as text']),
  note('the key constructor', 'constructor: x', { metadata: { constructor: 'x', path: 'n.md' } }),
  note('the key __proto__', '__proto__: {a: 1}', { metadata: { ['__proto__']: { a: 1 }, path: 'n.md' } }),
  note('a key that is a number', '1: x', { metadata: { '1': 'x', path: 'n.md' } }),
  note(
    'a day that does not exist',
    'date: 2024-02-30',
    { occurred_at: null, metadata: { date: '2024-02-30', path: 'n.md' } },
    [`date '2024-02-30' is not a day`],
  ),
  note('a leap day', 'date: 2024-02-29', { occurred_at: '2024-02-29T00:00:00.000Z' }),
  note('a day with a time', 'date: 2024-03-01 14:30', { occurred_at: '2024-03-01T14:30:00.000Z' }),
  note('a time with a zone', 'created: 2024-03-01T14:30:00+0200', { occurred_at: '2024-03-01T12:30:00.000Z' }),
  note('an hour that does not exist', 'date: 2024-03-01 25:00', { occurred_at: null }, [`'2024-03-01 25:00'`]),
  note(
    'a day in words',
    'date: last Tuesday',
    { occurred_at: null, metadata: { date: 'last Tuesday', path: 'n.md' } },
    ['last Tuesday'],
  ),
  note('an end that has passed', 'expires: 2001-01-01', { expires_at: '2001-01-01T00:00:00.000Z' }, [
    'expired on 2001-01-01',
  ]),
  note('a priority in words', 'priority: high', { metadata: { priority: 'high', path: 'n.md' } }, [`priority 'high'`]),
  note(
    'a key of the importer itself',
    'path: /x\nimport: y',
    { metadata: { 'path (own)': '/x', 'import (own)': 'y', path: 'n.md' } },
    ['path is what import itself says'],
  ),
  note('a nested value', 'a: {b: [1, {c: d}]}', { metadata: { a: { b: [1, { c: 'd' }] }, path: 'n.md' } }),
  note('thirty levels', `a: ${'['.repeat(30)}1${']'.repeat(30)}`, {}, ['kept as JSON text']),
  note('an alias', 'a: &x [1]\nb: *x', { metadata: { a: [1], b: [1], path: 'n.md' } }),
  note('CRLF', 'title: A\r\ntags: [b]\r', { title: 'A', tags: ['b'] }),
  note('a comment', '# a comment\ntitle: A', { title: 'A' }),
  one('an alias bomb', 'n.md', `---\n${bomb}\n---\nbody\n`, [{ title: 'n', content: `---\n${bomb}\n---\n\nbody` }], {
    says: ['kept as text', 'aliases'],
  }),
  one('an empty line before it', 'n.md', '\n---\ntitle: A\n---\nbody\n', [{ title: 'A', content: 'body' }], {
    says: ['behind empty lines'],
  }),
  one(
    'nothing can be made of it',
    'n.md',
    '---\na:\n  - {b: [\n c: d\n---\nbody\n',
    [{ title: 'n', content: '---\na:\n  - {b: [\n c: d\n---\n\nbody' }],
    { says: ['kept as text'] },
  ),
  one('it never ends', 'n.md', '---\ntitle: A\n\nbody\n', [{ content: '---\ntitle: A\n\nbody', title: 'n' }]),
  one('a rule at the start', 'n.md', '---\n\nbody\n', [{ content: '---\n\nbody' }]),
  one('nothing but front matter', 'n.md', '---\ntitle: A\nstatus: open\n---\n', [
    { title: 'A', content: 'A', metadata: { status: 'open', path: 'n.md' } },
  ]),
  one(
    '20 KiB of it',
    'n.md',
    `---\na: ${'x'.repeat(20_000)}\n---\nbody\n`,
    [{ content: `---\na: ${'x'.repeat(20_000)}\n---\n\nbody` }],
    { says: ['kept as text'] },
  ),
  one('more sections below it', 'n.md', '---\ntitle: Doc\ntags: [a]\n---\n# One\n1\n# Two\n2\n', [
    { title: 'One', content: '1', tags: ['a'] },
    { title: 'Two', content: '2', tags: ['a'] },
  ]),
]
