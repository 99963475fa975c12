/**
 * The folder of this user's own peer, and what lies in it:
 *
 *   peer/         the peer's folder, like any other (`mesh join TOKEN --data` takes it)
 *   key           the API key that its clients give, one line, its owner's alone
 *   wanted        there while the peer is meant to run: `up` makes it, `down` takes it away
 *   starting/     the lock of who starts or stops it
 *   peer.log      what it says, with `.1` and `.2`; `errors.log` what its last process said outside of that
 */
import { access } from 'node:fs/promises'
import { join } from 'node:path'

export type UserFolder = {
  readonly base: string
  readonly peer: string
  readonly key: string
  readonly wanted: string
  readonly lock: string
  readonly log: string
  readonly errors: string
}
type Env = Readonly<Record<string, string | undefined>>

/** Null where the system does not say where a user's data lies. @param platform as `process.platform` names it. */
export const userFolder = (env: Env, platform: string): UserFolder | null => {
  const base = dataHome(env, platform)
  if (base === null) return null
  const at = (name: string): string => join(base, 'mnemesh', name)
  return {
    base: join(base, 'mnemesh'),
    peer: at('peer'),
    key: at('key'),
    wanted: at('wanted'),
    lock: at('starting'),
    log: at('peer.log'),
    errors: at('errors.log'),
  }
}

/** Whether the peer is meant to run: `up` has been called, and `down` not since. */
export const isWanted = (folder: UserFolder): Promise<boolean> =>
  access(folder.wanted).then(
    () => true,
    () => false,
  )

/** A relative $XDG_DATA_HOME counts as none (XDG Base Directory Specification). */
const dataHome = (env: Env, platform: string): string | null => {
  const xdg = env['XDG_DATA_HOME']
  if (xdg?.startsWith('/') === true) return xdg
  if (platform === 'win32') return env['LOCALAPPDATA'] || null
  const home = env['HOME'] || null
  if (home === null) return null
  return platform === 'darwin' ? join(home, 'Library', 'Application Support') : join(home, '.local', 'share')
}
