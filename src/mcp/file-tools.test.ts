/** The memory tool's six commands on production peers in virtual time, also where two peers wrote while they could not see one another. */
import { expect, test } from 'vitest'
import { parseAgentId, parseNamespace } from '../../crdt/ids.ts'
import type { Node } from '../api.ts'
import { createWorld, type World } from '../testing/world.ts'
import { fileTools } from './file-tools.ts'
import type { Asked } from './tool.ts'

const NAMESPACE = parseNamespace('team')!
/** Writes that a peer alone may make. */
const alone = (node: Node): Node => ({
  ...node,
  remember: (into, input, options) => node.remember(into, input, { ...options, quorum: 1 }),
  patch: (id, input, options) => node.patch(id, input, { ...options, quorum: 1 }),
  forget: (id, options) => node.forget(id, { ...options, quorum: 1 }),
})
type Memory = (args: Readonly<Record<string, unknown>>) => Promise<string>
const memoryOn = (world: World, peer: number): Memory => {
  const asked: Asked = {
    node: alone(world.peer(peer).node),
    session: { agent: parseAgentId(`ai:peer-${peer}`)!, namespace: NAMESPACE, readOnly: false },
    wrote: () => undefined,
    own: {},
    alone: (work) => work(),
    now: () => 0,
  }
  return async (args) => {
    const told = await world.run(fileTools[0]!.run(asked, args as never), 60_000)
    if (told === undefined) throw new Error('not within a minute')
    return told.text
  }
}

test("each command answers in the tool's own words", async () => {
  const world = await createWorld({ peers: 1, seed: 3 })
  const memory = memoryOn(world, 0)
  const HEAD =
    "Here're the files and directories up to 2 levels deep in /memories, excluding hidden items and node_modules:\n"
  const table: readonly (readonly [args: Readonly<Record<string, unknown>>, told: string])[] = [
    [{ command: 'view', path: '/memories' }, `${HEAD}0B\t/memories`],
    [
      { command: 'create', path: '/memories/notes.txt', file_text: 'Hello\nWorld' },
      'File created successfully at: /memories/notes.txt',
    ],
    [
      { command: 'create', path: '/memories/notes.txt', file_text: 'again' },
      'Error: File /memories/notes.txt already exists',
    ],
    [{ command: 'create', path: '/memories/notes.txt/x', file_text: '' }, 'Error: /memories/notes.txt is a file'],
    [
      { command: 'create', path: '/memories/a/empty', file_text: '' },
      'File created successfully at: /memories/a/empty',
    ],
    [{ command: 'create', path: '/memories/a', file_text: '' }, 'Error: File /memories/a already exists'],
    [
      { command: 'view', path: '/memories/' },
      `${HEAD}11B\t/memories\n0B\t/memories/a\n0B\t/memories/a/empty\n11B\t/memories/notes.txt`,
    ],
    [
      { command: 'view', path: '/memories/notes.txt' },
      "Here's the content of /memories/notes.txt with line numbers:\n     1\tHello\n     2\tWorld",
    ],
    [
      { command: 'view', path: '/memories/a/empty' },
      "Here's the content of /memories/a/empty with line numbers:\n     1\t",
    ],
    [
      { command: 'view', path: '/memories/none' },
      'The path /memories/none does not exist. Please provide a valid path.',
    ],
    [
      { command: 'view', path: '/memories/../etc/passwd' },
      'The path /memories/../etc/passwd does not exist. Please provide a valid path.',
    ],
    [{ command: 'view', path: '/etc' }, 'The path /etc does not exist. Please provide a valid path.'],
    [
      { command: 'str_replace', path: '/memories/notes.txt', old_str: 'World', new_str: 'Mesh' },
      'The memory file has been edited.\n     1\tHello\n     2\tMesh',
    ],
    [
      { command: 'str_replace', path: '/memories/a', old_str: 'x', new_str: 'y' },
      'Error: The path /memories/a does not exist. Please provide a valid path.',
    ],
    [
      { command: 'insert', path: '/memories/notes.txt', insert_line: 1, insert_text: 'dear\n' },
      'The file /memories/notes.txt has been edited.',
    ],
    [
      { command: 'insert', path: '/memories/notes.txt', insert_line: 9, insert_text: 'x' },
      'Error: Invalid `insert_line` parameter: 9. It should be within the range of lines of the file: [0, 3]',
    ],
    [
      { command: 'insert', path: '/memories/none', insert_line: 0, insert_text: 'x' },
      'Error: The path /memories/none does not exist',
    ],
    [
      { command: 'rename', old_path: '/memories/a', new_path: '/memories/b/c' },
      'Successfully renamed /memories/a to /memories/b/c',
    ],
    [
      { command: 'rename', old_path: '/memories/a', new_path: '/memories/x' },
      'Error: The path /memories/a does not exist',
    ],
    [
      { command: 'rename', old_path: '/memories/b', new_path: '/memories/notes.txt' },
      'Error: The destination /memories/notes.txt already exists',
    ],
    [
      { command: 'view', path: '/memories/notes.txt', view_range: [2, -1] },
      "Here's the content of /memories/notes.txt with line numbers:\n     2\tdear\n     3\tMesh",
    ],
    [
      { command: 'view', path: '/memories/b' },
      HEAD.replace('/memories', '/memories/b') + '0B\t/memories/b\n0B\t/memories/b/c\n0B\t/memories/b/c/empty',
    ],
    [{ command: 'delete', path: '/memories/b' }, 'Successfully deleted /memories/b'],
    [{ command: 'delete', path: '/memories/b' }, 'Error: The path /memories/b does not exist'],
    [{ command: 'delete', path: '/memories' }, 'Error: The path /memories itself cannot be deleted'],
    [{ command: 'view', path: '/memories' }, `${HEAD}15B\t/memories\n15B\t/memories/notes.txt`],
  ]
  for (const [args, told] of table) expect([args, await memory(args)]).toEqual([args, told])
  const [row] = (await world.run(world.peer(0).node.list({ namespace: NAMESPACE }, { limit: 9 }, {})))!.rows
  expect(
    (await world.run(world.peer(0).node.history(row!.id, {})))!.rows.map(({ kind, agent_id }) => [kind, agent_id]),
  ).toEqual(Array.from({ length: 3 }, (_, n) => [n === 0 ? 'memory.put' : 'memory.patch', 'ai:peer-0']))
  await world.stopAll()
})

test('two that edit one file apart, and make one of one name, lose no line; the next edit settles it', async () => {
  const world = await createWorld({ peers: 2, seed: 5 })
  const [left, right] = [memoryOn(world, 0), memoryOn(world, 1)]
  await world.agree()
  await left({ command: 'create', path: '/memories/plan', file_text: 'one\ntwo' })
  await world.agree()
  world.partition([0], [1])
  await left({ command: 'insert', path: '/memories/plan', insert_line: 2, insert_text: 'left' })
  await right({ command: 'str_replace', path: '/memories/plan', old_str: 'one', new_str: 'right' })
  await left({ command: 'create', path: '/memories/new', file_text: 'of the left' })
  await right({ command: 'create', path: '/memories/new', file_text: 'of the right' })
  world.network.heal()
  await world.agree()
  for (const memory of [left, right]) {
    const plan = await memory({ command: 'view', path: '/memories/plan' })
    for (const line of ['one', 'two', 'left', 'right', 'Several wrote to it at once']) expect(plan).toContain(line)
    const made = await memory({ command: 'view', path: '/memories/new' })
    for (const line of ['of the left', 'of the right']) expect(made).toContain(line)
  }
  await right({ command: 'insert', path: '/memories/plan', insert_line: 0, insert_text: 'settled' })
  await right({ command: 'insert', path: '/memories/new', insert_line: 0, insert_text: 'settled' })
  await world.agree()
  for (const path of ['/memories/plan', '/memories/new']) {
    const told = await left({ command: 'view', path })
    expect([
      path,
      told.includes('settled'),
      told.includes('left'),
      told.includes('right'),
      told.includes('Several'),
    ]).toEqual([path, true, true, true, false])
  }
  await world.stopAll()
})
