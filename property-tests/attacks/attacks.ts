/** Every row, by theme. */
import type { Attack } from './attack.ts'
import { commitAttacks } from './rows/commits.ts'
import { connectionAttacks } from './rows/connections.ts'
import { frameAttacks } from './rows/frames.ts'
import { handshakeAttacks } from './rows/handshake.ts'
import { bodyAttacks } from './rows/http-bodies.ts'
import { liveAttacks } from './rows/live.ts'
import { keyedAttacks } from './rows/keyed.ts'
import { memberAttacks } from './rows/members.ts'
import { operatorAttacks } from './rows/operator.ts'

export const THEMES: Readonly<Record<string, readonly Attack[]>> = {
  handshake: handshakeAttacks,
  frames: frameAttacks,
  members: memberAttacks,
  commits: commitAttacks,
  requests: bodyAttacks,
  connections: connectionAttacks,
  live: liveAttacks,
  keyed: keyedAttacks,
  operator: operatorAttacks,
}

export const ATTACKS: readonly Attack[] = Object.values(THEMES).flat()
