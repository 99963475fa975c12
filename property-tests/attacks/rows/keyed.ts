/** A peer with an API key: guesses, browsers of other origins, where the key can be read, and whose proof of identity counts. */
import { randomBytes } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fromBase64Url } from '../../../crdt/base64.ts'
import { CHALLENGE_BYTES, isIdentityProven } from '../../../crdt/identity-proof.ts'
import { bytesToHex } from '../../../crdt/ids.ts'
import { mnemesh, mnemeshOk, startMnemesh } from '../../../deploy/local/command.ts'
import { textIn } from '../../../deploy/local/http.ts'
import { until } from '../../../deploy/local/until.ts'
import type { Attack, Stage } from '../attack.ts'
import { upgradeStatus } from './handshake.ts'

const OWN_PEER = 'starts a peer of its own'
const READY_MS = 30_000
const ORIGIN = 'https://pages.example'
const GUESSES = 300
/** What a person mistypes. */
const FREE_MAX = 20

type Keyed = {
  readonly url: string
  readonly key: string
  readonly pid: number
  readonly dir: string
  readonly keyFile: string
  readonly port: number
}

/** A mesh of one whose door asks for a key. */
const keyed = async (stage: Stage, words: readonly string[] = []): Promise<Keyed> => {
  const { dir, port, name } = await stage.place('keyed')
  await mnemeshOk(['mesh', 'init', '--data', dir, '--name', name])
  const [key, keyFile] = [randomBytes(24).toString('base64url'), join(dir, '..', `key-${port}`)]
  await writeFile(keyFile, `${key}\n`, { mode: 0o600 })
  const child = startMnemesh([
    'serve',
    '--data',
    dir,
    '--port',
    String(port),
    '--projection',
    'none',
    '--until-stdin-ends',
    '--key-file',
    keyFile,
    ...words,
  ])
  stage.later(async () => {
    child.signal('SIGKILL')
    await child.ended
  })
  const url = `http://127.0.0.1:${port}`
  await until(
    'the keyed peer is ready',
    READY_MS,
    async () => (child.stdout().includes(`ready at ${url}`) ? true : null),
    () => child.stderr(),
  )
  return { url, key, pid: child.pid, dir, keyFile, port }
}
const statusOf = async (url: string, key: string | null, init: RequestInit = {}): Promise<number> =>
  (
    await fetch(`${url}/api/v1/memories?limit=1`, {
      ...init,
      headers: {
        ...(key === null ? {} : { authorization: `Bearer ${key}` }),
        ...(init.headers as Record<string, string> | undefined),
      },
      signal: AbortSignal.timeout(20_000),
    })
  ).status
const preflight = async (url: string): Promise<string> => {
  const response = await fetch(`${url}/api/v1/memories`, {
    method: 'OPTIONS',
    headers: {
      origin: ORIGIN,
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'authorization,content-type',
    },
  })
  return `${response.status} ${response.headers.get('access-control-allow-origin') ?? 'nobody'}`
}
const row = (id: string, who: Attack['who'], what: string, expect: string | RegExp, run: Attack['run']): Attack => ({
  id,
  who,
  what,
  expect,
  run,
  slow: OWN_PEER,
})

export const keyedAttacks: readonly Attack[] = [
  row('ky-none', 'stranger', 'a list without a key, with another, with the right one', '401 401 200', async (stage) => {
    const { url, key } = await keyed(stage)
    return `${await statusOf(url, null)} ${await statusOf(url, 'another')} ${await statusOf(url, key)}`
  }),
  row('ky-live', 'stranger', 'the live door without a key', '401', async (stage) => {
    const { url } = await keyed(stage)
    return upgradeStatus({ ...stage, victim: { ...stage.victim, url } }, '/live', {})
  }),
  row(
    'ky-guess',
    'stranger',
    `${GUESSES} guesses at once, the right key beside them`,
    'guessing is slowed, the key passes',
    async (stage) => {
      const { url, key } = await keyed(stage)
      const guesses = Array.from({ length: GUESSES }, (_, n) => statusOf(url, `guess ${n}`).catch(() => 0))
      const own = []
      for (let n = 0; n < 5; n++) {
        own.push(await statusOf(url, key))
        await stage.pause(300)
      }
      const told = (await Promise.all(guesses)).filter((status) => status !== 429 && status !== 0).length
      if (own.some((status) => status !== 200)) return `the key: ${own.join(' ')}`
      return told <= FREE_MAX ? 'guessing is slowed, the key passes' : `${told} guesses told`
    },
  ),
  row(
    'ky-preflight',
    'stranger',
    "a browser's preflight where no origin is allowed",
    /^(204|401|403) nobody$/,
    async (stage) => preflight((await keyed(stage)).url),
  ),
  row(
    'ky-preflight-allowed',
    'client',
    "an allowed page's preflight, without the key",
    `204 ${ORIGIN}`,
    async (stage) => preflight((await keyed(stage, ['--cors', ORIGIN])).url),
  ),
  row('ky-process-list', 'stranger', 'the process list, searched for the key', 'not there', async (stage) => {
    const { pid, key } = await keyed(stage)
    const [line, environment] = await Promise.all(
      ['cmdline', 'environ'].map((name) => readFile(`/proc/${pid}/${name}`, 'utf8')),
    )
    return line!.includes(key) || environment!.includes(key) ? 'there' : 'not there'
  }),
  row('ky-key-word', 'operator', 'the key as a word of the command', /^2 error: --key is not taken/, async (stage) => {
    const { dir } = await stage.place('worded')
    const { code, stderr } = await mnemesh(['serve', '--data', dir, '--port', '20899', '--key', 'secret'])
    return `${code} ${stderr.trim()}`
  }),
  row(
    'ky-file-open',
    'operator',
    'a key file that others can read',
    /^1 error: .*can be read by others/,
    async (stage) => {
      const { dir } = await stage.place('open')
      await mnemeshOk(['mesh', 'init', '--data', dir, '--name', 'open'])
      const path = join(dir, '..', 'open-key')
      await writeFile(path, 'secret\n', { mode: 0o644 })
      const { code, stderr } = await mnemesh(['serve', '--data', dir, '--port', '20899', '--key-file', path])
      return `${code} ${stderr.trim()}`
    },
  ),
  row(
    'ky-identity-relayed',
    'stranger',
    "the peer's proof of identity, relayed from another port",
    'holds at its own port alone',
    async (stage) => {
      const { url, dir, port, key } = await keyed(stage)
      const challenge = randomBytes(CHALLENGE_BYTES)
      const answer = await fetch(`${url}/api/v1/identity?challenge=${bytesToHex(challenge)}`)
      const said = (await answer.json()) as Readonly<Record<string, unknown>>
      const peer = textIn(said, 'peer_id') as Parameters<typeof isIdentityProven>[3]
      const proof = fromBase64Url(textIn(said, 'signature'))
      if (proof === null || !isIdentityProven(proof, challenge, port, peer)) return 'no proof at all'
      if (JSON.stringify(said).includes(key) || JSON.stringify(said).includes(dir)) return 'it tells more'
      return isIdentityProven(proof, challenge, port + 1, peer) ||
        isIdentityProven(proof, randomBytes(CHALLENGE_BYTES), port, peer)
        ? 'holds elsewhere'
        : 'holds at its own port alone'
    },
  ),
  row(
    'ky-health',
    'stranger',
    'health and metrics without a key, for paths and reasons',
    'counts alone',
    async (stage) => {
      const { url, dir } = await keyed(stage)
      const texts = await Promise.all(
        ['/api/v1/health', '/metrics'].map(async (path) => (await fetch(`${url}${path}`)).text()),
      )
      return texts.some((text) => text.includes(dir)) ? 'a path' : 'counts alone'
    },
  ),
]
