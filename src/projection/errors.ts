/** Errors across the worker's border: structured cloning keeps no classes, so a failure travels as data. */
import { BadCursor, ProjectionFailure } from '../ports/projection.ts'
import { BrokenInstance } from './sql.ts'

/** `broken`: the worker is to be ended; `blameless`: for a cause outside its database. */
export type FailureData = {
  readonly kind: 'failure' | 'bad_cursor' | 'bug'
  readonly message: string
  readonly rebuild: boolean
  readonly broken: boolean
  readonly blameless: boolean
}

export const failureData = (error: unknown): FailureData => {
  const sound = { rebuild: false, broken: false, blameless: false }
  if (error instanceof BadCursor) return { ...sound, kind: 'bad_cursor', message: error.message }
  if (error instanceof BrokenInstance)
    return { kind: 'failure', message: error.message, rebuild: error.rebuild, broken: true, blameless: error.blameless }
  if (error instanceof ProjectionFailure)
    return { ...sound, kind: 'failure', message: error.message, rebuild: error.rebuild }
  return { ...sound, kind: 'bug', message: error instanceof Error ? (error.stack ?? error.message) : String(error) }
}

export const failureOf = ({ kind, message, rebuild }: FailureData): Error => {
  if (kind === 'bad_cursor') return new BadCursor(message)
  return kind === 'failure' ? new ProjectionFailure(message, rebuild) : new Error(message)
}
