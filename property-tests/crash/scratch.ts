/**
 * Where crash states are laid out: in memory where there is room, since thousands are opened and each opening flushes a dozen
 * times. What a state is does not depend on it; recordings are made on a disk.
 */
import { statfsSync } from 'node:fs'
import { tmpdir } from 'node:os'

const IN_MEMORY = '/dev/shm'
/** Containers often give 64 MiB, less than a store wants free. */
const FREE_BYTES_MIN = 2 ** 30

export const scratchRoot = (): string => {
  try {
    const { bavail, bsize } = statfsSync(IN_MEMORY)
    return bavail * bsize > FREE_BYTES_MIN ? IN_MEMORY : tmpdir()
  } catch {
    // There is none on this system.
    return tmpdir()
  }
}
