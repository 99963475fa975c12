/** The judge of the harness, tried: a table of lies planted in what peers show, and each is found by its name; what is true is no finding. */
import { createServer, type Server } from 'node:http'
import { afterEach, describe, expect, test } from 'vitest'
import { callsTo } from '../local/http.ts'
import { check, type Kind } from './checker.ts'
import { allowed, newEntry, settle, textState, told, wordOf, type Entry, type State, type Word } from './ledger.ts'
import type { ChaosPeer } from './peers.ts'

const NAMESPACE = 'n'
type Shown = {
  readonly contents: readonly string[]
  readonly links?: readonly string[]
  /** Texts that are shown by their ids alone. */ readonly byId?: Readonly<Record<string, string>>
}

const servers: Server[] = []
afterEach(() => servers.splice(0).forEach((server) => server.close()))

/** A peer that shows this, on pages of two. */
const showing = async (
  name: string,
  { contents, links = [], byId = {} }: Shown,
): Promise<Pick<ChaosPeer, 'name' | 'call'>> => {
  const memories = contents.map((content, i) => ({ id: `${i}`, content, version: 'v', title: null, tags: [] }))
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '', 'http://peer.invalid')
    const from = Number(url.searchParams.get('cursor') ?? 0)
    const id = url.pathname.split('/').at(-1) ?? ''
    const body = url.pathname.includes('/links/')
      ? {
          links: links
            .filter((link) => link.startsWith(`${id} `))
            .map((link) => ({ from: link.split(' ')[0], relation: link.split(' ')[1], to: link.split(' ')[2] })),
          next_cursor: null,
        }
      : url.pathname.endsWith('/memories')
        ? {
            memories: memories.slice(from, from + 2),
            next_cursor: from + 2 < memories.length ? String(from + 2) : null,
          }
        : { memory: { content: byId[id] ?? '' } }
    response.statusCode = url.pathname.includes('/memories/') && byId[id] === undefined ? 404 : 200
    response.setHeader('content-type', 'application/json').end(JSON.stringify(body))
  })
  servers.push(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  return { name, call: callsTo(`http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`) }
}

/** What was asked for, with the words of the answers. */
const entry = (key: string, changes: readonly (readonly [State, Word])[], of: Entry['of'] = 'memory'): Entry => {
  const made = newEntry(key, NAMESPACE, of)
  made.id = `id-${key}`
  for (const [state, word] of changes) told(made, state, word, 'a')
  return made
}
const text = (key: string, version = 0): State => textState(`${key} v${version}`)
const stored = (key: string): Entry => entry(key, [[text(key), 'done']])

/** Five of which nothing is wrong, so that lists have several pages. */
const honest = (): Entry[] => Array.from({ length: 5 }, (_, n) => stored(`h${n}`))
const shownHonest = Array.from({ length: 5 }, (_, n) => `h${n} v0`)
const kindsOf = async (
  entries: readonly Entry[],
  shown: Shown,
  other = shown,
  diskLost = false,
): Promise<readonly Kind[]> => [
  ...new Set(
    (
      await check([await showing('a', shown), await showing('b', other)], [NAMESPACE], entries, { diskLost })
    ).findings.map(({ kind }) => kind),
  ),
]

const with_ = (...more: readonly string[]): Shown => ({ contents: [...shownHonest, ...more] })
const LIES: readonly (readonly [string, () => readonly Entry[], Shown, Shown | undefined, Kind])[] = [
  ['an acknowledged memory is gone', () => [stored('k')], with_(), undefined, 'lost'],
  ['it is gone on the last page of the second peer alone', () => [stored('k')], with_('k v0'), with_(), 'lost'],
  [
    'an acknowledged memory that was changed is gone',
    () => [
      entry('k', [
        [text('k'), 'done'],
        [text('k', 1), 'done'],
      ]),
    ],
    with_(),
    undefined,
    'lost',
  ],
  [
    'what was kept on one disk that lost nothing is gone',
    () => [entry('k', [[text('k'), 'kept']])],
    with_(),
    undefined,
    'lost',
  ],
  [
    'a restored memory stays hidden',
    () => [
      entry('k', [
        [text('k'), 'done'],
        ['hidden', 'done'],
        [text('k'), 'done'],
      ]),
    ],
    with_(),
    undefined,
    'lost',
  ],
  [
    'a link that was acknowledged is in no answer',
    () => [entry('x follows y', [['linked', 'done']], 'link')],
    with_(),
    undefined,
    'lost',
  ],
  ['a memory is there twice', () => [stored('k')], with_('k v0', 'k v0'), undefined, 'duplicated'],
  [
    'the retry of an unanswered request made a second one',
    () => [
      entry('k', [
        [text('k'), 'unknown'],
        [text('k'), 'done'],
      ]),
    ],
    with_('k v0', 'k v0'),
    undefined,
    'duplicated',
  ],
  [
    'a link is there twice',
    () => [entry('x follows y', [['linked', 'done']], 'link')],
    { ...with_(), links: ['x follows y', 'x follows y'] },
    undefined,
    'duplicated',
  ],
  [
    'a forgotten memory is back',
    () => [
      entry('k', [
        [text('k'), 'done'],
        ['hidden', 'done'],
      ]),
    ],
    with_('k v0'),
    undefined,
    'resurrected',
  ],
  [
    'an erased memory is back',
    () => [
      entry('k', [
        [text('k'), 'done'],
        ['erased', 'done'],
      ]),
    ],
    with_('k v0'),
    undefined,
    'resurrected',
  ],
  [
    'an erased text is shown by its id',
    () => [
      entry('k', [
        [text('k'), 'done'],
        ['erased', 'done'],
      ]),
    ],
    { ...with_(), byId: { 'id-k': 'k v0' } },
    undefined,
    'resurrected',
  ],
  [
    'a change that was acknowledged is undone',
    () => [
      entry('k', [
        [text('k'), 'done'],
        [text('k', 1), 'done'],
      ]),
    ],
    with_('k v0'),
    undefined,
    'changed',
  ],
  [
    'a refused change was made',
    () => [
      entry('k', [
        [text('k'), 'done'],
        [text('k', 1), 'not done'],
      ]),
    ],
    with_('k v1'),
    undefined,
    'changed',
  ],
  ['the text of another', () => [stored('k')], with_('k of nobody'), undefined, 'changed'],
  ['what was refused is there', () => [entry('k', [[text('k'), 'not done']])], with_('k v0'), undefined, 'phantom'],
  ['nobody wrote it', () => [], with_('z v0'), undefined, 'phantom'],
  [
    'two peers show different things that both may be',
    () => [entry('k', [[text('k'), 'unknown']])],
    with_('k v0'),
    with_(),
    'unequal',
  ],
  ['nothing is there', () => [], { contents: [] }, undefined, 'empty'],
]

describe('each lie is found', () => {
  test.each(LIES)('%s', async (_name, entries, shown, other, kind) => {
    expect(await kindsOf([...honest(), ...entries()], shown, other)).toContain(kind)
  })

  test('nothing was acknowledged', async () => {
    expect(await kindsOf([entry('k', [[text('k'), 'unknown']])], { contents: ['k v0'] })).toEqual(['empty'])
  })

  test('what was seen once by all is lost later', async () => {
    const unsure = entry('k', [[text('k'), 'unknown']])
    const all = [...honest(), unsure]
    expect(await kindsOf(all, with_('k v0'))).toEqual([])
    expect(await kindsOf(all, with_())).toEqual(['lost'])
  })
})

test('what is true is no finding', async () => {
  const all = [
    ...honest(),
    entry('refused', [[text('refused'), 'not done']]),
    entry('silent', [[text('silent'), 'unknown']]),
    entry('heard', [[text('heard'), 'unknown']]),
    entry('gone', [
      [text('gone'), 'done'],
      ['hidden', 'done'],
    ]),
    entry('half', [
      [text('half'), 'done'],
      [text('half', 1), 'unknown'],
    ]),
    entry('x follows y', [['linked', 'done']], 'link'),
  ]
  expect(await kindsOf(all, { ...with_('heard v0', 'half v1'), links: ['x follows y'] })).toEqual([])
})

test('what one disk alone had may be gone when that disk lost it, and at no other time', async () => {
  const all = (): Entry[] => [...honest(), entry('k', [[text('k'), 'kept']])]
  expect(await kindsOf(all(), with_(), with_(), true)).toEqual([])
  expect(await kindsOf(all(), with_(), with_(), false)).toEqual(['lost'])
})

test('every word is taken for true', () => {
  expect(wordOf(201, {})).toBe('done')
  expect(wordOf(409, {})).toBe('not done')
  expect(wordOf(422, { local_committed: true })).toBe('kept')
  expect(wordOf(503, { local_committed: true })).toBe('kept')
  expect(wordOf(507, { local_committed: false })).toBe('not done')
  expect(wordOf(507, { local_committed: false, may_be_elsewhere: true })).toBe('unknown')
  expect(wordOf(500, {})).toBe('no word')
  expect(wordOf(null, {})).toBe('unknown')
})

test('a refusal or silence after an acknowledgement takes nothing back, and a refusal after silence promises nothing', () => {
  const acked = entry('k', [
    [text('k'), 'done'],
    [text('k'), 'not done'],
    [text('k'), 'unknown'],
  ])
  expect(allowed(acked, false)).toEqual([text('k')])
  expect(
    allowed(
      entry('k', [
        [text('k'), 'unknown'],
        [text('k'), 'not done'],
      ]),
      false,
    ),
  ).toEqual(['absent', text('k')])
  expect(
    allowed(
      entry('k', [
        [text('k'), 'kept'],
        [text('k'), 'unknown'],
      ]),
      false,
    ),
  ).toEqual([text('k')])
  settle(acked, 'hidden')
  expect(allowed(acked, false)).toEqual(['hidden'])
})
