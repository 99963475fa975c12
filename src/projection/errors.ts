/** Errors across the worker's border: structured cloning keeps no classes, so a failure travels as data. */
import { BadCursor, ProjectionFailure } from '../ports.ts'

export type FailureData = { readonly kind: 'failure' | 'bad_cursor' | 'bug'; readonly message: string; readonly rebuild: boolean }

export const failureData = (error: unknown): FailureData => {
  if (error instanceof BadCursor) return { kind: 'bad_cursor', message: error.message, rebuild: false }
  if (error instanceof ProjectionFailure) return { kind: 'failure', message: error.message, rebuild: error.rebuild }
  return { kind: 'bug', message: error instanceof Error ? (error.stack ?? error.message) : String(error), rebuild: false }
}

export const failureOf = ({ kind, message, rebuild }: FailureData): Error => {
  if (kind === 'bad_cursor') return new BadCursor(message)
  return kind === 'failure' ? new ProjectionFailure(message, rebuild) : new Error(message)
}
