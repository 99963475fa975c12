/**
 * The log that a peer writes for its operator.
 */
export type Fields = Readonly<Record<string, unknown>>

/** What a peer tells its operator: fields, and a sentence that names cause and mend. A pino logger fits. */
export type PeerLog = {
  readonly [Level in 'debug' | 'info' | 'warn' | 'error']: (fields: Fields, message: string) => void
}
