/**
 * What `hook` does: tells a session what is known within the time that it may be held up, and keeps what was decided in the background. It is
 * quiet when no peer is there.
 */
import { spawn } from 'node:child_process'
import { brief, keepDecisions, readHookInput, type Ask, type HookInput } from '../../hooks/index.ts'
import { createClient, type Target } from '../../sdk/client.ts'
import { isWanted, userFolder } from '../../user-peer/folder.ts'
import { usage } from '../failure.ts'
import { type Io, print } from '../io.ts'
import { keyOf } from '../keys.ts'
import { projectNamespace } from '../mcp/project.ts'
import { given, mainFile, namedUrl } from '../target.ts'

export type HookVerb = 'session-start' | 'pre-compact' | 'session-end'

/** With what Node takes to start, a session is held up for 2 s at most. */
const HOLD_UP_MS_MAX = 1_500
/** In the background: a peer that is busy, and a machine that is. */
const KEEP_MS_MAX = 30_000
/** Between two looks for a peer that is on its way up. */
const LOOK_MS = 100
/** Where no repository says another. */
const DEFAULT_NAMESPACE = 'default'
const AGENT = 'claude-code'

export type HookOptions = {
  readonly url?: string
  readonly keyFile?: string
  readonly stay?: boolean
  readonly json?: boolean
}

export const runHook = async (verb: HookVerb, options: HookOptions, io: Io): Promise<void> => {
  if (io.stdin === null)
    throw usage(
      'a hook is told what happened on standard input; `mnemesh setup claude-code --hooks` writes it into the configuration',
    )
  const input = await readHookInput(io.stdin)
  if (verb === 'session-start') return within(HOLD_UP_MS_MAX, io, (deadline) => tell(input, options, io, deadline))
  if (input.transcript === null) return
  // Nobody waits for what is kept, and the program may end before it is.
  if (options.stay === true) return within(KEEP_MS_MAX, io, (deadline) => keep(input, options, io, deadline))
  await goOnInBackground(verb, input, options)
}

/** Whatever goes wrong with the peer, the session goes on without it, and nobody is told in the middle of his work. */
const within = async (ms: number, io: Io, work: (deadline: AbortSignal) => Promise<void>): Promise<void> => {
  const deadline = new AbortController()
  const done = await Promise.race([
    work(deadline.signal).then(
      () => true,
      () => true,
    ),
    io.sleep(ms, deadline.signal).then(
      () => false,
      () => true,
    ),
  ])
  deadline.abort()
  // A request that is still under way would hold the process up.
  if (!done) io.exitNow(0)
}

const tell = async (input: HookInput, options: HookOptions, io: Io, deadline: AbortSignal): Promise<void> => {
  const asked = await askFor(input, options, io, deadline, HOLD_UP_MS_MAX)
  const text = asked && (await brief(asked.ask, asked.namespace, input.cwd, io.random))
  if (text !== null && !deadline.aborted)
    await print(io, JSON.stringify({ hookSpecificOutput: { hookEventName: 'SessionStart', additionalContext: text } }))
}

const keep = async (input: HookInput, options: HookOptions, io: Io, deadline: AbortSignal): Promise<void> => {
  const asked = await askFor(input, options, io, deadline, KEEP_MS_MAX)
  if (asked === null || input.transcript === null) return
  const kept = await keepDecisions(asked.ask, asked.namespace, input.transcript)
  if (options.json === true) await print(io, JSON.stringify({ namespace: asked.namespace, ...kept }))
}

/** The same verb in a process of its own, that outlives who called this one. */
const goOnInBackground = async (
  verb: HookVerb,
  { cwd, transcript }: HookInput,
  { url, keyFile }: HookOptions,
): Promise<void> => {
  const words = [
    mainFile(),
    'hook',
    verb,
    '--stay',
    ...(url === undefined ? [] : ['--url', url]),
    ...(keyFile === undefined ? [] : ['--key-file', keyFile]),
  ]
  const child = spawn(process.execPath, words, { detached: true, stdio: ['pipe', 'ignore', 'ignore'] })
  child.unref()
  await new Promise<void>((resolve) =>
    child
      .once('error', () => resolve())
      .stdin.on('error', () => resolve())
      .end(JSON.stringify({ cwd: cwd ?? process.cwd(), transcript_path: transcript }), () => resolve()),
  )
}

/** Null when no peer is there. */
const askFor = async (
  input: HookInput,
  options: HookOptions,
  io: Io,
  deadline: AbortSignal,
  ms: number,
): Promise<{ readonly ask: Ask; readonly namespace: string } | null> => {
  const target = await running(options, io, deadline)
  if (target === null) return null
  const client = createClient({ target: async () => target, agent: given(io.env['MNEMESH_AGENT']) ?? AGENT })
  const namespace = (await projectNamespace(input.cwd ?? process.cwd())) ?? DEFAULT_NAMESPACE
  return { ask: (method, path, asked) => client.call(method, path, { ...asked, timeout_ms: ms }), namespace }
}

/** The peer that runs, or comes up meanwhile where it is meant to; none is started. */
const running = async (options: HookOptions, io: Io, deadline: AbortSignal): Promise<Target | null> => {
  const url = namedUrl(options, io)
  if (url !== null) return { url, key: (await keyOf(options, io)) ?? null }
  const folder = userFolder(io.env, process.platform)
  if (folder === null || !(await isWanted(folder))) return null
  const { findUserPeer } = await import('../../user-peer/index.ts')
  for (;;) {
    const found = await findUserPeer(folder, io.random).catch(() => null)
    if (found !== null || deadline.aborted) return found
    await io.sleep(LOOK_MS, deadline)
  }
}
