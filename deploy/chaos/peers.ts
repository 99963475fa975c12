/**
 * A mesh of real peers whose folders lie where the rounds want them: made and joined over the command line, asked over HTTP, and stopped, killed
 * and started as an operator or the system would. Peers reach one another through relays alone; clients ask them directly.
 */
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { isAlive, mnemeshOk, startMnemesh, type LastingChild } from '../local/command.ts'
import { callsTo, expecting, listIn, textIn, type Call, type Json } from '../local/http.ts'
import { until } from '../local/until.ts'
import { startNetwork, type Network } from './network.ts'

/** A peer with its embedded database starts in some 3 s of one free core; others may have the cores. */
const READY_MS = 180_000
const STOP_MS = 20_000
const LINKED_MS = 60_000
const SHOWN_CHARS = 4_000
/** As seen from this file's source and from its compiled form. */
const SHIFTED_CLOCK = fileURLToPath(
  new URL(
    import.meta.url.includes('/dist/') ? '../../../deploy/local/shifted-clock.cjs' : '../local/shifted-clock.cjs',
    import.meta.url,
  ),
)

export type Projection = 'none' | 'pglite'

export type ChaosPeer = {
  readonly name: string
  readonly dir: string
  readonly port: number
  readonly url: string
  readonly call: Call
  /** Resolves when it says that it is ready. @param other where its search index is from now on. */
  start(other?: { readonly projection: string }): Promise<void>
  /** SIGKILL. Resolves when no such process is left. */
  kill(): Promise<void>
  /** SIGSTOP, and its end. */
  pause(): void
  goOn(): void
  /** SIGTERM; killed when it does not end, which is an unexplained exit. */
  stop(): Promise<void>
  running(): boolean
  pid(): number
  /** What it has printed since its last start. */
  output(): string
  /** Ends that nobody asked for and error lines since the last look. */
  complaints(): readonly string[]
  /** Its wall clock is so many ms ahead of this machine's from now on. */
  setClock(aheadMs: number): void
  /** Resident memory, or null while it does not run. */
  memoryBytes(): number | null
  health(): Promise<Json>
}

export type ChaosMesh = {
  readonly peers: readonly [ChaosPeer, ChaosPeer, ...ChaosPeer[]]
  readonly network: Network
  /** Makes one more peer that joins through the first, and starts it. */
  join(name: string): Promise<ChaosPeer>
  /** Takes it out, by the first, and stops it. */
  revoke(peer: ChaosPeer): Promise<void>
  linked(): Promise<void>
  stop(): Promise<void>
}

export type MeshPlan = {
  readonly dir: string
  readonly names: readonly string[]
  /** A free port. */
  readonly ports: () => Promise<number>
  readonly projection: Projection
  readonly random: () => number
  /** Is called before a peer's folder is made. */
  readonly prepare: (name: string, folder: string) => void
}

/** Makes a mesh in `dir` and starts it. */
export const startMesh = async ({ dir, names, ports, projection, random, prepare }: MeshPlan): Promise<ChaosMesh> => {
  const network = startNetwork(random)
  const made: ChaosPeer[] = []
  const stop = async (): Promise<void> => {
    await Promise.all(made.map((peer) => peer.stop()))
    await network.close()
  }
  const place = async (name: string): Promise<ChaosPeer> => {
    const [port, relayPort] = [await ports(), await ports()]
    const peer = createPeer({ name, dir: join(dir, name), port, relayPort, projection })
    made.push(peer)
    await mkdir(peer.dir, { recursive: true, mode: 0o700 })
    prepare(name, peer.dir)
    await chmod(peer.dir, 0o700)
    await network.add({ name, port, relayPort })
    return peer
  }
  const begin = async (peer: ChaosPeer): Promise<void> => {
    await peer.start()
    network.identify(textIn(await peer.health(), 'peer_id'), peer.name)
  }
  const enrol = async (peer: ChaosPeer, through: ChaosPeer): Promise<void> => {
    await mnemeshOk([
      'mesh',
      'join',
      (await mnemeshOk(['mesh', 'invite', '--data', through.dir])).trim(),
      '--data',
      peer.dir,
      '--name',
      peer.name,
    ])
    await keepRelays(peer, made)
    await begin(peer)
  }
  try {
    const [first, second, ...rest] = await inTurn(names, place)
    if (first === undefined || second === undefined) throw new Error('a mesh has two peers at least')
    const peers: ChaosMesh['peers'] = [first, second, ...rest]
    const linked = async (): Promise<void> => {
      let seen = ''
      await until(
        'all are linked',
        LINKED_MS,
        async () => {
          const links = await Promise.all(
            peers.map(async (peer) =>
              linksOf(
                peer,
                peers.map(({ name }) => name),
              ),
            ),
          )
          // A link around the relays would outlive each cut.
          const around = peers.flatMap(({ name: one }, i) =>
            peers.slice(i + 1).flatMap(({ name: other }) => (network.joins(one, other) ? [] : [`${one}–${other}`])),
          )
          seen = [...links, ...around.map((pair) => `no relay joins ${pair}`)].join('; ')
          return links.every((link) => link === '') && around.length === 0 ? true : null
        },
        () => seen,
      )
    }
    await mnemeshOk(['mesh', 'init', '--data', first.dir, '--name', first.name, '--recovery', 'none'])
    await begin(first)
    for (const peer of [second, ...rest]) {
      await enrol(peer, first)
      // It votes on who comes next.
      await until(`${first.name} has a link to ${peer.name}`, LINKED_MS, async () =>
        (await linksOf(first, [peer.name])) === '' ? true : null,
      )
    }
    await linked()
    return {
      peers,
      network,
      linked,
      stop,
      join: async (name) => {
        const peer = await place(name)
        await enrol(peer, first)
        return peer
      },
      revoke: async (peer) => {
        await mnemeshOk(['mesh', 'revoke', peer.name, '--data', first.dir])
        await peer.stop()
      },
    }
  } catch (error) {
    await stop()
    throw error
  }
}

/**
 * A peer that joins on its inviter's machine keeps where that one listens, behind its relay, and would dial it there: no cut would reach that link. On machines of their own
 * peers know what others advertise, and so do these.
 */
const keepRelays = async ({ dir }: ChaosPeer, all: readonly ChaosPeer[]): Promise<void> => {
  const path = join(dir, 'mesh.json')
  const told = JSON.parse(await readFile(path, 'utf8')) as { readonly peers: readonly string[] }
  const peers = told.peers.filter((url) => !all.some(({ port }) => Number(new URL(url).port) === port))
  if (peers.length === 0) throw new Error(`${path} names no address of a relay: ${told.peers.join(', ')}`)
  await writeFile(path, JSON.stringify({ ...told, peers }))
}

/** Which of `names` it has no link to; '' when none. */
const linksOf = async (peer: ChaosPeer, names: readonly string[]): Promise<string> => {
  const found = listIn(await expecting(200, peer.call('GET', '/peers')), 'peers').filter(({ name }) =>
    names.includes(String(name)),
  )
  const missing = names.filter(
    (name) => !found.some((one) => one['name'] === name && (one['link'] === 'up' || one['link'] === 'self')),
  )
  return missing.length === 0 ? '' : `${peer.name} lacks ${missing.join(',')}`
}

const inTurn = async <T, R>(all: readonly T[], make: (one: T) => Promise<R>): Promise<readonly R[]> => {
  const made: R[] = []
  for (const one of all) made.push(await make(one))
  return made
}

const createPeer = ({
  name,
  dir,
  port,
  relayPort,
  projection,
}: {
  readonly name: string
  readonly dir: string
  readonly port: number
  readonly relayPort: number
  readonly projection: Projection
}): ChaosPeer => {
  const url = `http://127.0.0.1:${port}`
  const call = callsTo(url)
  const clockFile = `${dir}.clock`
  const complaints: string[] = []
  let child: LastingChild | null = null
  /** The child whose end was asked for. */
  let ending: LastingChild | null = null
  let linesRead = 0
  let rowsIn: string = projection
  const output = (): string =>
    child === null ? 'never started' : `${child.stdout()}${child.stderr()}`.slice(-SHOWN_CHARS)
  const running = (): LastingChild => {
    if (child === null || child.ending() !== null) throw new Error(`${name} does not run: ${output()}`)
    return child
  }
  const readErrors = (of: LastingChild): void => {
    const lines = of
      .stderr()
      .split('\n')
      .filter((line) => /^\S+Z (error|fatal) /.test(line))
    for (const line of lines.slice(linesRead)) complaints.push(`${name} logged: ${line.slice(0, SHOWN_CHARS)}`)
    linesRead = Math.max(linesRead, lines.length)
  }
  return {
    name,
    dir,
    port,
    url,
    call,
    output,
    running: () => child !== null && child.ending() === null,
    pid: () => running().pid,
    start: async (other) => {
      rowsIn = other?.projection ?? rowsIn
      if (child !== null) readErrors(child)
      linesRead = 0
      const words = [
        'serve',
        '--data',
        dir,
        '--port',
        String(port),
        '--advertise',
        `http://127.0.0.1:${relayPort}`,
        '--quorum',
        '2',
        '--quorum-timeout',
        '3000',
        '--projection',
        rowsIn,
        '--until-stdin-ends',
      ]
      const started = startMnemesh(words, { NODE_OPTIONS: `--require ${SHIFTED_CLOCK}`, MNEMESH_TEST_CLOCK: clockFile })
      child = started
      void started.ended.then(({ code, signal, stderr }) => {
        if (ending !== started)
          complaints.push(`${name} ended by itself with ${code ?? signal}: ${stderr.slice(-SHOWN_CHARS)}`)
      })
      const ended = await until(
        `${name} is ready`,
        READY_MS,
        async () => started.ending() ?? (started.stdout().includes(`ready at ${url}`) ? ('ready' as const) : null),
        output,
      )
      if (ended !== 'ready')
        throw new Error(`${name} ended with ${ended.code ?? ended.signal} instead of serving: ${ended.stderr.trim()}`)
    },
    kill: async () => {
      const killed = running()
      ending = killed
      killed.signal('SIGKILL')
      const { signal } = await killed.ended
      if (signal !== 'SIGKILL' || isAlive(killed.pid)) throw new Error(`${name} was not killed: ${output()}`)
    },
    pause: () => running().signal('SIGSTOP'),
    goOn: () => running().signal('SIGCONT'),
    stop: async () => {
      if (child === null || child.ending() !== null) return
      const stopping = child
      ending = stopping
      stopping.signal('SIGCONT')
      stopping.signal('SIGTERM')
      const timer = setTimeout(() => {
        complaints.push(`${name} did not stop within ${STOP_MS} ms`)
        stopping.signal('SIGKILL')
      }, STOP_MS)
      const { code, signal } = await stopping.ended
      clearTimeout(timer)
      if (code !== 0 && signal === null)
        complaints.push(`${name} ended with ${code} when it was asked to stop: ${output()}`)
    },
    complaints: () => {
      if (child !== null) readErrors(child)
      return complaints.splice(0)
    },
    setClock: (aheadMs) =>
      aheadMs === 0 ? rmSync(clockFile, { force: true }) : writeFileSync(clockFile, String(aheadMs)),
    memoryBytes: () => {
      if (child === null || child.ending() !== null) return null
      try {
        return Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1] ?? 0) * 1024
      } catch {
        // No such file where the system is no Linux.
        return null
      }
    },
    health: async () => (await call('GET', '/health')).body,
  }
}
