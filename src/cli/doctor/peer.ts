/**
 * What the peer says of itself: whether it is well, its clock against ours and the mesh's, its disk, its version.
 */
import type { Health } from '../../api.ts'
import type { Client } from '../../sdk/client.ts'
import { type Finding, noted, ok, wordsOf, wrong } from './finding.ts'
import { room } from './machine.ts'

/** Two clocks of one machine agree; asking takes its time. */
const OFF_MS_MAX = 5_000

export type AskedPeer = {
  readonly findings: readonly Finding[]
  /** Whether it answers at all. */ readonly answers: boolean
}

export const peerFound = async (client: Client, version: string): Promise<AskedPeer> => {
  let health: Health
  try {
    health = await client.call<Health>('GET', '/health', { accept: [503], timeout_ms: 10_000 })
  } catch (error) {
    return {
      answers: false,
      findings: [wrong('answer', wordsOf(error), 'see that it runs there, and that --url and the key are right')],
    }
  }
  const findings = [
    ...wellness(health),
    health.version === version
      ? ok('peer version', health.version)
      : noted(
          'peer version',
          `the peer runs ${health.version}, this program is ${version}`,
          'restart the peer (`mnemesh down`, then `mnemesh up`) so that both are one',
        ),
    ...(await clockFound(client)),
    ...(health.disk === null || health.disk === undefined ? [] : [room(health.disk.free_bytes, "the peer's log")]),
  ]
  return { answers: true, findings }
}

const wellness = ({ status, writes, search, reasons, voters, quorum, connected }: Health): readonly Finding[] => {
  const state = `${status}; ${writes ? 'writes go on' : 'nothing can be written'}, search ${search}, a write waits for ${quorum} of ${voters} voters, ${connected} connected`
  if (status !== 'ok')
    return [
      wrong(
        'health',
        `${state}: ${reasons.join('; ') || 'it does not say why'}`,
        'each reason names its mend; `mnemesh status` shows the members',
      ),
    ]
  return [ok('health', state), ...reasons.map((reason) => noted('health', reason))]
}

/** What the peer measures against the voters' clocks; of one alone there is nothing to compare with. */
const clockFound = async (client: Client): Promise<readonly Finding[]> => {
  try {
    const ahead = (await client.call<{ readonly clock?: { readonly ahead_ms: number } }>('GET', '/quorum')).clock
      ?.ahead_ms
    if (ahead === undefined) return []
    const text = `${Math.abs(ahead)} ms ${ahead < 0 ? 'behind' : 'ahead of'} the one in the middle of the voters`
    return [
      Math.abs(ahead) > OFF_MS_MAX ? wrong('clock', text, "set this machine's clock, best by NTP") : ok('clock', text),
    ]
  } catch (error) {
    return [noted('clock', `it could not be compared: ${wordsOf(error)}`)]
  }
}
