/**
 * What can be seen without asking a peer: this program, this user's folder and its peer's process, room on the disk, the port.
 */
import { statfs } from 'node:fs/promises'
import { createServer } from 'node:net'
import { limits } from '../../../crdt/limits.ts'
import type { Random } from '../../ports/clock.ts'
import type { Target } from '../../sdk/client.ts'
import type { UserFolder } from '../../user-peer/folder.ts'
import { examineUserPeer } from '../../user-peer/index.ts'
import { bytesText } from '../render.ts'
import { type Finding, noted, ok, wordsOf, wrong } from './finding.ts'

/** As `engines` of package.json says. */
const NODE_MIN: readonly [number, number] = [20, 19]
/** Below it the room is told before it runs out. */
const ROOMY = 4

export const versionsFound = (node: string, version: string): Finding => {
  const [major = 0, minor = 0] = node.replace(/^v/, '').split('.').map(Number)
  const found = `mnemesh ${version} on Node ${node}`
  return major > NODE_MIN[0] || (major === NODE_MIN[0] && minor >= NODE_MIN[1])
    ? ok('versions', found)
    : wrong('versions', found, `install Node ${NODE_MIN.join('.')} or newer`)
}

/** What was found of this user's peer, and where it is asked; null when it cannot be. */
export const userPeerFound = async (
  folder: UserFolder,
  random: Random,
): Promise<{ readonly findings: readonly Finding[]; readonly target: Target | null }> => {
  const findings: Finding[] = []
  let target: Target | null = null
  try {
    const { made, wanted, said, answers, key, open } = await examineUserPeer(folder, random)
    for (const path of open)
      findings.push(wrong('rights', `others on this machine may read ${path}`, `chmod go= ${path}`))
    if (answers === 'itself' && key === null)
      findings.push(
        wrong(
          'peer',
          `it runs at ${said!.url}, but its key is gone (${folder.key})`,
          'run `mnemesh down`, then `mnemesh up`, which makes another',
        ),
      )
    else if (answers === 'itself') {
      findings.push(ok('peer', `it runs at ${said!.url} (process ${said!.pid}) and proves that it is yours`))
      target = { url: said!.url, key }
    } else if (answers !== null)
      findings.push(
        wrong(
          'peer',
          `at ${said!.url}, where it ran, ${answers === 'nobody' ? 'a program answers that is no peer' : 'another peer answers'}`,
          'run `mnemesh up`: yours is started on another port, and nothing is told to that one',
        ),
      )
    else if (wanted)
      findings.push(
        wrong(
          'peer',
          `it is meant to run and does not${said === null ? '' : ` (it ran as process ${said.pid})`}`,
          `run \`mnemesh up\`; ${folder.log} may say why it ended`,
        ),
      )
    else findings.push(wrong('peer', made ? 'it has been stopped' : 'there is none yet', 'run `mnemesh up`'))
    if (answers !== 'itself') findings.push(await portFound(said?.url ?? null))
  } catch (error) {
    findings.push(wrong('peer', `its folder cannot be read: ${wordsOf(error)}`, `see to the rights of ${folder.base}`))
  }
  return { findings: [...findings, ...(await roomFound(folder.base))], target }
}

/** A port that somebody else has is no fault: another is taken, and found by all. */
const portFound = async (url: string | null): Promise<Finding> => {
  const port = url === null ? FIRST_PORT : Number(new URL(url).port)
  return (await isFree(port))
    ? ok('port', `${port} is free`)
    : noted('port', `${port} is taken by another program; your peer takes another, and every verb finds it there`)
}
/** The first that `up` tries. */
const FIRST_PORT = 7700

const isFree = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => server.close(() => resolve(true)))
  })

/** Of a folder that is not there yet there is nothing to say. */
const roomFound = async (path: string): Promise<readonly Finding[]> => {
  const found = await statfs(path).catch(() => null)
  return found === null ? [] : [room(found.bavail * found.bsize, path)]
}

export const room = (free: number, where: string): Finding => {
  const least = limits.free_space_bytes_min
  const text = `${bytesText(free)} free for ${where}`
  if (free < least) return wrong('disk', text, `make room: below ${bytesText(least)} nothing is written`)
  return free < ROOMY * least ? noted('disk', text, `below ${bytesText(least)} nothing is written`) : ok('disk', text)
}
