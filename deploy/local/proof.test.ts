/** A memory's proof holds where there is nothing but its file and the mesh's id: all peers stopped, an empty folder, no network needed. */
import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { mnemesh, mnemeshOk } from './command.ts'
import { startFleet, type Fleet } from './fleet.ts'
import { expecting } from './http.ts'

let fleet: Fleet
let empty: string
beforeAll(async () => {
  fleet = await startFleet()
  empty = await mkdtemp(join(tmpdir(), 'mnemesh-proof-'))
}, 60_000)
afterAll(async () => {
  await fleet?.dispose()
  await rm(empty, { recursive: true, force: true })
})

test('proofs of each version, taken after a restart of all, hold offline, and none after a bit was changed', async () => {
  const [a, b, c] = [fleet.peer(0), fleet.peer(1), fleet.peer(2)]
  const { mesh_id: mesh } = (await expecting(200, a.call('GET', '/health'))) as { mesh_id: string }
  const stored = await expecting(
    201,
    a.call('POST', '/memories?quorum=3', {
      body: { content: 'the deploy key rotates on Fridays', title: 'Deploy key', namespace: 'team/api' },
    }),
  )
  const id = String(stored['id'])
  await expecting(
    200,
    b.call('PATCH', `/memories/${id}?quorum=3`, { body: { content: 'the deploy key rotates on Mondays' } }),
  )
  await expecting(
    201,
    a.call('POST', '/memories?quorum=3', {
      body: { content: 'what nobody of team/api need know', namespace: 'secret/plans' },
    }),
  )
  await fleet.agree()

  for (const peer of fleet.peers) await peer.stop()
  for (const peer of fleet.peers) await peer.start()
  await fleet.linked()

  const file = (name: string): string => join(empty, name)
  await mnemeshOk(['proof', id, '--url', c.url, '--out', file('first')])
  await mnemeshOk(['proof', id, '--nth', '2', '--url', c.url, '--out', file('second')])
  const curled = await fetch(`${c.url}/api/v1/memories/${id}/proof?event=${String(stored['event_id'])}`)
  expect(await curled.text()).toBe(await readFile(file('first'), 'utf8'))
  for (const bad of ['event=00000000-0000-4000-8000-000000000000', 'version=3'])
    await expecting(404, c.call('GET', `/memories/${id}/proof?${bad}`))
  for (const peer of fleet.peers) await peer.stop()
  // Behind here nothing is asked of anybody.
  expect(await readdir(empty)).toEqual(['first', 'second'])

  const shown = JSON.parse(
    await mnemeshOk(['verify-proof', file('first'), '--mesh', mesh, '--quorum', '3', '--json']),
  ) as Record<string, unknown>
  expect(shown).toMatchObject({
    ok: true,
    mesh,
    namespace: 'team/api',
    memory: id,
    kind: 'memory.put',
    event_id: stored['event_id'],
    peer: { name: 'a' },
    texts: { title: 'Deploy key', content: 'the deploy key rotates on Fridays' },
  })
  expect((shown['voters'] as { name: string }[]).map(({ name }) => name).sort()).toEqual(['a', 'b', 'c'])
  expect(Math.abs(Date.parse(String(shown['sealed_at'])) - Date.now())).toBeLessThan(120_000)
  expect(JSON.parse(await mnemeshOk(['verify-proof', file('second'), '--mesh', mesh, '--json']))).toMatchObject({
    kind: 'memory.patch',
    peer: { name: 'b' },
    texts: { content: 'the deploy key rotates on Mondays' },
  })
  const text = await mnemeshOk(['verify-proof', file('first'), '--mesh', mesh])
  for (const part of ['the proof holds', 'memory.put', id, 'peer a', 'on the disks of 3 voters', 'rotates on Fridays'])
    expect(text).toContain(part)

  const bytes = await readFile(file('first'))
  for (const part of [bytes.length * 1, bytes.length * 3, bytes.length * 6]) {
    await writeFile(file('changed'), bytes.with(part >> 3, bytes[part >> 3]! ^ (1 << (part & 7))))
    const refused = await mnemesh(['verify-proof', file('changed'), '--mesh', mesh])
    expect(refused).toMatchObject({ code: 1, stdout: '' })
    expect(refused.stderr.trim().split('\n')).toHaveLength(1)
  }
  const other = await mnemesh(['verify-proof', file('first'), '--mesh', 'ab'.repeat(32), '--json'])
  expect([other.code, JSON.parse(other.stderr)]).toMatchObject([1, { error: 'other_mesh' }])
  expect(await mnemesh(['verify-proof', file('first'), '--mesh', mesh, '--quorum', '4'])).toMatchObject({ code: 1 })
  expect(await mnemesh(['verify-proof', file('nowhere'), '--mesh', mesh])).toMatchObject({ code: 1 })
}, 120_000)

test('who vouches tells nothing of other namespaces', async () => {
  const first = await readFile(join(empty, 'first'), 'utf8')
  expect(first).not.toContain(Buffer.from('secret').toString('base64url').slice(0, 6))
  const { receipt } = JSON.parse(first) as { receipt: { chain: string; acks: readonly object[] } }
  expect(receipt.acks).toHaveLength(3)
  // One entry of the memory's own chain, and no place in any other.
  for (const ack of receipt.acks)
    expect(Object.keys(ack).sort()).toEqual(['count', 'hash', 'index', 'path', 'seq', 'signature', 'tie', 'voter'])
})
