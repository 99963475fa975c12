/** A peer's log that is kept as lines, for tests. */
import type { Fields, PeerLog } from '../ports/log.ts'

/** @param lines given what is warned of and fails, as the text log writes it but for time and level. */
export const logTo = (lines: string[] = []): PeerLog => {
  const keep = (fields: Fields, message: string): void =>
    void lines.push(Object.keys(fields).length === 0 ? message : `${message} ${JSON.stringify(fields)}`)
  return { debug: () => undefined, info: () => undefined, warn: keep, error: keep }
}
