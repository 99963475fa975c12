/**
 * The first three phases of the ship gate: each peer does what a memory does; four agents write and all is everywhere; all rows move between databases.
 */
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { mnemesh, mnemeshOk } from '../local/command.ts'
import { expecting, listIn, objectIn, textIn, type Json } from '../local/http.ts'
import { until } from '../local/until.ts'
import type { ChaosMesh, ChaosPeer } from '../chaos/peers.ts'
import { contentsOn, equal, writeSomewhere, type Phase } from './mesh.ts'

const TOOLS_MIN = 30
const FOUND_MS = 60_000
const [AGENTS, WRITES_EACH] = [4, 50]
const DIGEST_MS = 120_000

/** Store, recall, list, stats by tier, a backup whose manifest is verified, and the tools of MCP's `full`, on each peer. @param to where backups go. */
export const functional = async ({ peers }: ChaosMesh, to: string): Promise<Phase> => {
  const reasons: string[] = []
  const facts: string[] = []
  for (const peer of peers) {
    const content = `the gate asked ${peer.name} to remember the colour heliotrope`
    const namespace = `gate-${peer.name}`
    const made = await expecting(201, peer.call('POST', '/memories', { body: { content, namespace, tier: 'long' } }))
    await until(`${peer.name} recalls it`, FOUND_MS, async () => {
      const found = listIn(
        await expecting(200, peer.call('GET', `/recall?namespace=${namespace}&q=heliotrope`)),
        'memories',
      )
      return found.some((one) => one['id'] === made['id'] && one['content'] === content) ? true : null
    }).catch((error: unknown) => reasons.push(String(error)))
    const listed = listIn(await expecting(200, peer.call('GET', `/memories?namespace=${namespace}`)), 'memories')
    if (listed.length !== 1 || listed[0]?.['content'] !== content)
      reasons.push(`${peer.name} lists ${listed.length} memories where one was stored`)
    const tiers = objectIn(await expecting(200, peer.call('GET', '/stats')), 'by_tier')
    if (!Object.values(tiers).some((count) => Number(count) > 0))
      reasons.push(`${peer.name} counts nothing by tier: ${JSON.stringify(tiers)}`)
    const tools = listIn(
      objectIn(
        (
          await peer.call('POST', '/mcp?profile=full', {
            body: { jsonrpc: '2.0', id: 1, method: 'tools/list', params: {} },
          })
        ).body,
        'result',
      ),
      'tools',
    )
    if (tools.length < TOOLS_MIN)
      reasons.push(`${peer.name} has ${tools.length} tools over MCP, ${TOOLS_MIN} are wanted`)
    const backup = await backedUp(peer, join(to, peer.name)).catch((error: unknown) => {
      reasons.push(`${peer.name}: ${error instanceof Error ? error.message : String(error)}`)
      return 'no backup'
    })
    facts.push(
      `${peer.name}: stored, recalled, listed; by tier ${JSON.stringify(tiers)}; ${backup}; ${tools.length} tools`,
    )
  }
  return { name: '1 functional', passed: reasons.length === 0, facts, reasons }
}

/** A backup of the running peer, read back by its manifest; one byte of it changed, the same check must refuse. Resolves with what was made. */
const backedUp = async (peer: ChaosPeer, to: string): Promise<string> => {
  const words = ['--data', peer.dir, '--to', to, '--json']
  const { backup: name } = JSON.parse(await mnemeshOk(['backup', 'create', ...words])) as { readonly backup: string }
  const read = JSON.parse(await mnemeshOk(['backup', 'verify', to, '--json'])) as {
    readonly ok: boolean
    readonly backups: readonly Json[]
  }
  const manifest = read.backups.find((one) => one['backup'] === name)
  if (!read.ok || manifest === undefined) throw new Error(`backup ${name} is not among those that were verified`)
  const { peer_id: id, mesh_id: mesh } = await peer.health()
  if (manifest['peer_id'] !== id || manifest['mesh_id'] !== mesh)
    throw new Error(`the manifest of ${name} names another peer or mesh: ${JSON.stringify(manifest)}`)
  if (!(Number(manifest['commits']) > 0 && Number(manifest['bytes']) > 0))
    throw new Error(`the manifest of ${name} names nothing: ${JSON.stringify(manifest)}`)
  await damageLargest(to)
  if ((await mnemesh(['backup', 'verify', to])).code === 0)
    throw new Error('a backup with a changed byte was called whole')
  return `backup of ${Number(manifest['commits'])} commits verified, refused with one byte changed`
}

/** Changes the last byte of the largest file, which is a chunk. */
const damageLargest = async (dir: string): Promise<void> => {
  const files = (await readdir(dir, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
  const sized = await Promise.all(files.map(async (path) => ({ path, bytes: await readFile(path) })))
  const [largest] = sized.toSorted((a, b) => b.bytes.length - a.bytes.length)
  if (largest === undefined) throw new Error(`no file below ${dir}`)
  largest.bytes[largest.bytes.length - 1]! ^= 1
  await writeFile(largest.path, largest.bytes)
}

/** 4 × 50 writes with a quorum of two: all on all three by content; 201 with one peer down, 503 with two. */
export const agents = async ({ peers }: ChaosMesh): Promise<Phase> => {
  const reasons: string[] = []
  const namespace = 'gate-agents'
  const texts = Array.from(
    { length: AGENTS * WRITES_EACH },
    (_, n) => `agent ${n % AGENTS} says ${Math.floor(n / AGENTS)}`,
  )
  await Promise.all(
    Array.from({ length: AGENTS }, async (_, agent) => {
      for (const [n, text] of texts.filter((__, i) => i % AGENTS === agent).entries()) {
        const [first, ...rest] = [...peers.slice(agent % peers.length), ...peers.slice(0, agent % peers.length)]
        const status = await writeSomewhere(
          first === undefined ? rest : [first, ...rest],
          text,
          namespace,
          `gate-${agent}-${n}`,
          1,
          `agent-${agent}`,
        )
        if (status !== 201) reasons.push(`agent ${agent}'s write ${n} was answered ${status ?? 'by nobody'}`)
      }
    }),
  )
  await equal(peers)
  const shown = await contentsOn(peers, namespace)
  const wanted = JSON.stringify(texts.toSorted())
  shown.forEach((one, i) => {
    if (JSON.stringify(one.toSorted()) !== wanted)
      reasons.push(`${peers[i]?.name} shows ${one.length} texts, which are not the ${texts.length} that were written`)
  })
  const [first, second, ...rest] = peers
  const down = async (some: readonly ChaosPeer[]): Promise<void> =>
    void (await Promise.all(some.map((peer) => peer.kill())))
  // With so many down that a quorum of two is still there, and then is not.
  await down(rest)
  const one = await first.call('POST', '/memories', { body: { content: 'one is down', namespace } })
  await down([second])
  const both = await first.call('POST', '/memories', { body: { content: 'nobody else is here', namespace } })
  if (one.status !== 201) reasons.push(`with one other left a write is answered ${one.status}, not 201`)
  if (both.status !== 503) reasons.push(`alone a write is answered ${both.status}, not 503`)
  await Promise.all([second, ...rest].map((peer) => peer.start()))
  await equal(peers)
  return {
    name: '2 four agents',
    passed: reasons.length === 0,
    facts: [
      `${shown.map((texts_) => texts_.length).join('/')} of ${texts.length} by content; one down ${one.status}, the others down ${both.status}`,
    ],
    reasons,
  }
}

export const ROWS = 1_000
/** 1,000 memories, shown from the embedded database, from Postgres, again, and back: the digest of the rows is the same each time. */
export const databases = async ({ peers }: ChaosMesh, database: string): Promise<Phase> => {
  const reasons: string[] = []
  const [peer] = peers
  const memories = Array.from({ length: ROWS }, (_, n) => ({
    content: `row ${n} of what moves between databases`,
    namespace: 'gate-rows',
    idempotency_key: `gate-row-${n}`,
  }))
  const made = await expecting(201, peer.call('POST', '/memories/bulk', { body: { memories } }))
  if (made['created'] !== ROWS) reasons.push(`${String(made['created'])} of ${ROWS} were stored`)
  await equal(peers)
  const digest = (): Promise<string> =>
    until('the rows are there', DIGEST_MS, async () => {
      const { frontier, projection } = await expecting(200, peer.call('GET', '/digests'))
      const { projection_lag } = await peer.health()
      return projection === null || projection_lag !== 0
        ? null
        : `${String(frontier).slice(0, 12)} ${textIn({ projection }, 'projection')}`
    })
  const seen = [await digest()]
  for (const where of [database, database, 'pglite']) {
    await peer.stop()
    await peer.start({ projection: where })
    seen.push(await digest())
  }
  if (new Set(seen).size !== 1) reasons.push(`the rows differ: ${seen.join(', ')}`)
  return {
    name: '3 databases',
    passed: reasons.length === 0,
    facts: [
      `${ROWS} memories, embedded → Postgres → again → embedded: rows ${seen.map((one) => one.split(' ')[1]?.slice(0, 12)).join(', ')}`,
    ],
    reasons,
  }
}
