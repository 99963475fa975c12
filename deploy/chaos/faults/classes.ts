/**
 * The classes of faults by name, and which of them go together.
 */
import { CLOCK_CLASSES } from './clocks.ts'
import { DAMAGE_CLASSES } from './damage.ts'
import { DISK_CLASSES } from './disks.ts'
import type { FaultClass } from './fault.ts'
import { LINK_CLASSES } from './links.ts'
import { MEMBER_CLASSES } from './members.ts'
import { PROCESS_CLASSES } from './processes.ts'
import type { Draw } from '../random.ts'

export const CLASSES: readonly FaultClass[] = [
  ...PROCESS_CLASSES,
  ...LINK_CLASSES,
  ...CLOCK_CLASSES,
  ...DISK_CLASSES,
  ...DAMAGE_CLASSES,
  ...MEMBER_CLASSES,
]

/** `alone`: one class a round, each in turn; `pairs`: two; `mixed`: one to three. */
export const MIXES = ['alone', 'pairs', 'mixed'] as const
export type Mix = (typeof MIXES)[number]

/** The contract names what a quorum of two survives: one disk that loses what it had. And whoever asks the others needs them to answer. */
const fits = (one: FaultClass, beside: readonly FaultClass[]): boolean =>
  beside.every(
    (other) =>
      other !== one &&
      !(one.losesDisk && other.losesDisk) &&
      (!one.needsCalm || other.isCalm === true) &&
      (!other.needsCalm || one.isCalm === true),
  )

/** The classes of a round; the first goes through them all in turn, so that none is left to chance. */
export const classesOf = (
  round: number,
  wanted: readonly [FaultClass, ...FaultClass[]],
  mix: Mix,
  draw: Draw,
): readonly [FaultClass, ...FaultClass[]] => {
  const first = wanted[round % wanted.length] ?? wanted[0]
  const chosen: [FaultClass, ...FaultClass[]] = [first]
  const more = mix === 'alone' ? 0 : mix === 'pairs' ? 1 : draw.whole(3)
  for (let n = 0; n < more; n++) {
    const [next, ...rest] = wanted.filter((one) => fits(one, chosen))
    if (next !== undefined) chosen.push(draw.one([next, ...rest]))
  }
  return chosen
}
