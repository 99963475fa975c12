/** What other memories and assistants export, whole and damaged. */
import { one, type Input } from './input.ts'
import { zipOf } from './zip.ts'

const json = (value: unknown): string => JSON.stringify(value)
const lines = (...values: readonly unknown[]): string => values.map(json).join('\n')

const node = (
  id: string,
  parent: string | null,
  role: string,
  parts: readonly unknown[],
  create_time: number | null = 1_717_000_000,
): Record<string, unknown> => ({
  id,
  parent,
  children: [],
  message: role === '' ? null : { id, author: { role }, create_time, content: { content_type: 'text', parts } },
})
const chatGpt = [
  {
    title: 'Sourdough',
    conversation_id: 'c1',
    create_time: 1_717_000_000,
    current_node: 'a2',
    mapping: {
      root: node('root', null, '', []),
      u1: node('u1', 'root', 'user', ['How hot is the oven?']),
      a1: node('a1', 'u1', 'assistant', ['250 degrees.']),
      u2: node('u2', 'a1', 'user', ['And the steam?', { content_type: 'image_asset_pointer' }]),
      a2: node('a2', 'u2', 'assistant', ['The first ten minutes.']),
      u3: node('u3', 'a1', 'user', ['Another branch?']),
    },
  },
]
const claude = [
  {
    uuid: 'k1',
    name: 'Garden',
    created_at: '2025-03-01T10:00:00.000Z',
    chat_messages: [
      {
        uuid: 'm1',
        sender: 'human',
        text: 'When do I sow peas?',
        created_at: '2025-03-01T10:00:00.000Z',
        attachments: [{ file_name: 'plan.txt', extracted_content: 'Bed 3' }],
        files: [],
      },
      {
        uuid: 'm2',
        sender: 'assistant',
        content: [
          { type: 'text', text: 'In March.' },
          { type: 'tool_use', name: 'x' },
        ],
        created_at: '2025-03-01T10:00:05.000Z',
      },
    ],
  },
]
const sourdough = [
  {
    title: 'Sourdough',
    kind: 'conversation',
    content: 'user: How hot is the oven?\n\nassistant: 250 degrees.',
    occurred_at: '2024-05-29T16:26:40.000Z',
    tags: ['chatgpt'],
    metadata: { conversation: 'c1', message: 'u1' },
  },
  { content: 'user: And the steam?\n\nassistant: The first ten minutes.' },
  { content: 'user: Another branch?' },
]
const garden = [
  {
    title: 'Garden',
    content: 'user: When do I sow peas?\n\n[plan.txt]\nBed 3\n\nassistant: In March.',
    occurred_at: '2025-03-01T10:00:00.000Z',
    tags: ['claude'],
  },
]
const circle = {
  ...chatGpt[0],
  mapping: { a: node('a', 'b', 'assistant', ['A']), b: node('b', 'a', 'assistant', ['B']) },
}
const mem0 = {
  id: 'x1',
  memory: 'Likes tea',
  hash: 'h',
  user_id: 'ann',
  categories: ['food'],
  metadata: { n: 1 },
  created_at: '2025-01-02T03:04:05-08:00',
  updated_at: null,
}
const tea = {
  content: 'Likes tea',
  scope: 'ann',
  tags: ['food'],
  source: 'mem0',
  occurred_at: '2025-01-02T11:04:05.000Z',
  metadata: { id: 'x1', n: 1 },
}
const agent = {
  agents: [
    {
      id: 'agent-0',
      name: 'Sam',
      messages: [
        { id: 'm0', role: 'system', content: [{ type: 'text', text: 'You are' }] },
        { id: 'm1', role: 'user', content: [{ type: 'text', text: 'Hi' }], created_at: '2025-06-01T00:00:00Z' },
        { id: 'm2', role: 'assistant', content: [{ type: 'text', text: 'Hello' }] },
      ],
    },
  ],
  blocks: [
    { id: 'block-0', label: 'human', value: 'Her name is Ann', description: 'about her' },
    { id: 'block-1', label: 'persona', value: '' },
  ],
  tools: [{ name: 't' }],
}
const file = (name: string, text: string) => ({ name, data: Buffer.from(text) })

export const conversationInputs: readonly Input[] = [
  one('of ChatGPT, every branch', 'conversations.json', json(chatGpt), sourdough, {
    says: ['passed over: 1 image_asset_pointer'],
  }),
  one('of Claude, with what was attached', 'conversations.json', json(claude), garden, {
    says: ['1 tool_use in a message'],
  }),
  one('by another name', 'export.json', json(claude), garden, { says: ['tool_use'] }),
  one('written over many lines', 'conversations.json', JSON.stringify(claude, null, 2), garden, { says: ['tool_use'] }),
  {
    what: 'a folder of an export',
    files: { 'conversations.json': json(claude), 'user.json': '{}', 'chat.html': 'x' },
    came: garden,
    says: ['there is a conversations.json', '1 .html', '1 .json'],
  },
  one('a zip', 'e.zip', zipOf([file('conversations.json', json(chatGpt)), file('user.json', '{}')]), sourdough, {
    says: ['1 other file of the zip'],
  }),
  one(
    'a zip of both',
    'e.zip',
    zipOf([file('a/conversations.json', json(chatGpt)), file('b/conversations.json', json(claude))]),
    [...sourdough, ...garden],
    { says: ['tool_use'] },
  ),
  one('a circle of parents', 'conversations.json', json([circle]), [{}, {}], { says: [] }),
  one(
    'a conversation of no text',
    'conversations.json',
    json([{ uuid: 'k', name: '', chat_messages: [] }, ...claude]),
    garden,
    { says: ['1 conversation without a text'] },
  ),
  one('an element that is none', 'conversations.json', json([...claude, { a: 1 }, 7]), garden, {
    says: ['conversations.json, 2: no conversation', 'conversations.json, 3: no conversation'],
    exit: 1,
  }),
  one('cut short', 'conversations.json', json([...claude, ...claude]).slice(0, -20), garden, {
    says: ['ends in the middle of its entry 2'],
    exit: 1,
  }),
  one('a broken element', 'conversations.json', `[{"chat_messages":[}, ${json(claude[0])}]`, [], {
    exit: 1,
    says: ['conversations.json'],
  }),
  one('a zip that slips out', 'e.zip', zipOf([file('../conversations.json', json(claude))]), [], {
    says: ['invalid relative path: ../conversations.json'],
    exit: 1,
  }),
  one('a zip with an absolute name', 'e.zip', zipOf([file('/etc/conversations.json', json(claude))]), [], {
    says: ['absolute path: /etc/conversations.json'],
    exit: 1,
  }),
  one('a zip with backslashes', 'e.zip', zipOf([file('..\\conversations.json', json(claude))]), [], {
    says: ['invalid characters in fileName'],
    exit: 1,
  }),
  one(
    'a zip with a link',
    'e.zip',
    zipOf([{ name: 'conversations.json', data: Buffer.from('/etc/passwd'), mode: 0o120777 }]),
    [],
    { says: ['is a symbolic link'], exit: 1 },
  ),
  one('a zip under lock', 'e.zip', zipOf([{ ...file('conversations.json', json(claude)), encrypted: true }]), [], {
    says: ['is encrypted'],
    exit: 1,
  }),
  one('a zip bomb', 'e.zip', zipOf([{ name: 'conversations.json', data: Buffer.alloc(32 * 1024 * 1024, 0x20) }]), [], {
    says: ['(a bomb)'],
    exit: 1,
  }),
  one(
    'a zip that lies about its size',
    'e.zip',
    zipOf([{ ...file('conversations.json', json(claude)), claims: 10 }]),
    [],
    { says: ['too many bytes in the stream'], exit: 1 },
  ),
  one('a zip cut short', 'e.zip', zipOf([file('conversations.json', json(claude))]).subarray(0, 200), [], {
    says: ['as a zip'],
    exit: 1,
  }),
  one('a zip of something else', 'e.zip', zipOf([file('photo.png', 'x')]), [], {
    says: ['nothing to import: no conversations.json in it'],
    exit: 1,
  }),
]

export const memoryInputs: readonly Input[] = [
  one('mem0, a list', 'm.json', json([mem0]), [{ ...tea, metadata: { id: 'x1', n: 1 } }]),
  one('mem0, under results', 'm.json', json({ results: [mem0], relations: [{ source: 'ann', target: 'tea' }] }), [tea]),
  one('mem0, without a text', 'm.json', json([mem0, { id: 'x2', user_id: 'ann' }]), [tea], {
    says: ['m.json, 2: a memory without its text'],
    exit: 1,
  }),
  one(
    'mem0, a number with too many digits',
    'm.json',
    `[{"memory":"n","user_id":"a","metadata":{"n":9007199254740993}}]`,
    [{ content: 'n', metadata: { n: '9007199254740993' } }],
    { says: ['more digits'] },
  ),
  one(
    'Letta, an agent file',
    'sam.af',
    json(agent),
    [
      {
        title: 'human',
        content: 'Her name is Ann',
        kind: 'block',
        metadata: { agent: 'Sam', label: 'human', description: 'about her' },
      },
      { title: 'Sam', content: 'user: Hi\n\nassistant: Hello', occurred_at: '2025-06-01T00:00:00.000Z' },
    ],
    { says: ['1 empty block', '1 system message', '1 tool of the agent'] },
  ),
  one(
    'Letta, the first form',
    'sam.af',
    json({
      agent_type: 'memgpt',
      name: 'Sam',
      core_memory: [{ label: 'human', value: 'Ann' }],
      messages: [{ role: 'user', content: 'Hi' }],
    }),
    [{ content: 'Ann' }, { content: 'user: Hi' }],
  ),
  one('Letta, no JSON', 'sam.af', '{', [], { says: ['not JSON'], exit: 1 }),
  one('CSV', 'a.csv', 'Title,content,tags,colour\nA,"one, two","x, y",red\n', [
    { title: 'A', content: 'one, two', tags: ['x', 'y'], metadata: { colour: 'red' } },
  ]),
  one('CSV with a mark, quotes and line ends within', 'a.csv', '\ufefftext,date\r\n"a ""b""\r\nc",2024-02-29\r\n', [
    { content: 'a "b"\r\nc', occurred_at: '2024-02-29T00:00:00.000Z' },
  ]),
  one('CSV of semicolons', 'a.csv', 'text;tags\na;b\n', [{ content: 'a', tags: ['b'] }]),
  one('TSV', 'a.tsv', 'text\ttags\na\tb\n', [{ content: 'a', tags: ['b'] }]),
  one('CSV, a row too long', 'a.csv', 'text,n\na,1,2\nb,1\n', [{ content: 'b', metadata: { n: '1' } }], {
    says: ['line 2: 3 fields where the first row names 2'],
    exit: 1,
  }),
  one('CSV without a text', 'a.csv', 'a,b\n1,2\n', [], { says: ['has no column for the text'], exit: 1 }),
  one('CSV, an empty cell for the text', 'a.csv', 'text,n\n,1\nb,2\n', [{ content: 'b' }], {
    says: ['no text in its column'],
    exit: 1,
  }),
  one(
    'CSV, a day that does not exist',
    'a.csv',
    'text,date\na,2024-02-30\n',
    [{ content: 'a', occurred_at: null, metadata: { date: '2024-02-30' } }],
    { says: [`date '2024-02-30'`] },
  ),
  one('CSV, a quote that never ends', 'a.csv', 'text,n\n"a,1\n', [], { says: ['cannot be read further'], exit: 1 }),
  one('JSON lines', 'a.jsonl', lines({ content: 'a' }, { content: 'b' }), [{ content: 'a' }, { content: 'b' }]),
  one(
    'JSON lines with a mark and CRLF',
    'a.jsonl',
    `\ufeff${json({ content: 'a' })}\r\n${json({ content: 'b' })}\r\n`,
    [{ content: 'a' }, { content: 'b' }],
  ),
  one('a JSON list', 'a.json', JSON.stringify([{ content: 'a' }, { content: 'b', x: 1 }], null, 2), [
    { content: 'a' },
    { content: 'b', metadata: { x: 1 } },
  ]),
  one('a JSON list under a name', 'a.json', JSON.stringify({ memories: [{ content: 'a' }] }, null, 2), [
    { content: 'a' },
  ]),
  one(
    'JSON lines, a large integer',
    'a.jsonl',
    '{"content":"a","metadata":{"n":9007199254740993,"f":1.5e18,"i":1500000000000000000}}',
    [{ content: 'a', metadata: { n: '9007199254740993', f: 1.5e18, i: 1.5e18 } }],
    { says: ['line 1: a number has more digits'] },
  ),
  one(
    'JSON lines, 1e400',
    'a.jsonl',
    '{"content":"a","metadata":{"n":1e400}}',
    [{ content: 'a', metadata: { n: '1e400' } }],
    { says: ['line 1: a number has more digits'] },
  ),
  one(
    'JSON lines, keys like constructor',
    'a.jsonl',
    '{"content":"a","metadata":{"constructor":1,"__proto__":{"a":1}}}',
    [{ content: 'a', metadata: JSON.parse('{"constructor":1,"__proto__":{"a":1}}') as unknown }],
  ),
  one('JSON lines, a mark within the content', 'a.jsonl', json({ content: '\ufeff' }), [{ content: '\ufeff' }]),
  one('JSON lines, NUL', 'a.jsonl', '{"content":"a\\u0000b"}', [], { says: ['NUL in a text'], exit: 1 }),
  one('JSON lines, not UTF-8', 'a.jsonl', Buffer.from('{"content":"\xfc"}', 'latin1'), [], {
    says: ['line 1: not UTF-8'],
    exit: 1,
  }),
  one('JSON lines, no content', 'a.jsonl', '{"title":"a"}', [], { says: ['line 1: no content'], exit: 1 }),
  one(
    "the reference MCP memory server's file",
    'a.json',
    lines({ type: 'entity', name: 'Ann', entityType: 'person', observations: ['x'] }),
    [{ title: 'Ann', content: 'x', kind: 'person' }],
  ),
]
