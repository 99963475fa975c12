/**
 * The process of this user's peer: in a session of its own, so that it outlives who started it, away from that one's folder and
 * streams.
 */
import { spawn } from 'node:child_process'
import { open, readFile } from 'node:fs/promises'
import type { UserFolder } from './folder.ts'

export type Launcher = {
  /** What runs `mnemesh`: a program and its first words. */
  readonly command: readonly [string, ...string[]]
  readonly env: Readonly<Record<string, string | undefined>>
}
export type Launched = { ended(): boolean }

/** A person's questions come in bursts, and the first of each may take some seconds. */
const IDLE_S = 60

const FIRST_PORT = 7700

/** Words that run it. It takes its port itself: one that was looked for here might be another program's by the time it listens. */
const peerWords = (folder: UserFolder): readonly string[] => [
  'serve',
  '--data',
  folder.peer,
  '--port',
  String(FIRST_PORT),
  '--or-free-port',
  '--key-file',
  folder.key,
  '--log-file',
  folder.log,
  '--projection-idle',
  String(IDLE_S),
]

export const launchPeer = async (folder: UserFolder, { command, env }: Launcher): Promise<Launched> => {
  // Begun anew at each start, so it stays small: what the peer reports goes into its log.
  const errors = await open(folder.errors, 'w', 0o600)
  try {
    const [file, ...words] = command
    const child = spawn(file, [...words, ...peerWords(folder)], {
      detached: true,
      cwd: folder.base,
      env: ownEnv(env),
      stdio: ['ignore', 'ignore', errors.fd],
    })
    let ended = false
    child.once('error', () => (ended = true)).once('exit', () => (ended = true))
    child.unref()
    return { ended: () => ended }
  } finally {
    await errors.close()
  }
}

/** What the last process said as it ended, in one line. */
export const lastWords = async (folder: UserFolder): Promise<string> => {
  const text = await readFile(folder.errors, 'utf8').catch(() => '')
  return (text.trim().split('\n').at(-1) ?? '').slice(0, 500)
}

/**
 * For glibc's allocator: large blocks lie in mappings of their own, so that what the database took goes back to the system when it is let
 * go. By default the bound grows with use, and 50 MB stay with the process. Other systems do not look at these.
 */
const ALLOCATOR: Readonly<Record<string, string>> = {
  MALLOC_MMAP_THRESHOLD_: '131072',
  MALLOC_TRIM_THRESHOLD_: '131072',
}

/** What is meant for the program that starts it is not meant for it. */
const ownEnv = (env: Launcher['env']): Record<string, string | undefined> => {
  const own = { ...ALLOCATOR, ...env }
  for (const name of Object.keys(own))
    if (/^(npm_|MNEMESH_(KEY|URL|AGENT|PORT|DATA)$|NODE_OPTIONS$)/.test(name)) delete own[name]
  return own
}
