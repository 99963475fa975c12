/**
 * One memory by its id, as an import looks whether it is there.
 */
import type { GotAnswer } from '../../sdk/answers.ts'
import type { Client } from '../../sdk/client.ts'
import { CallFailure } from '../../sdk/failure.ts'

/** Null when it is forgotten, erased, or was never there. */
export const findMemory = async (client: Client, id: string): Promise<GotAnswer | null> => {
  try {
    return await client.call<GotAnswer>('GET', `/memories/${id}`)
  } catch (error) {
    if (error instanceof CallFailure && error.status === 404) return null
    throw error
  }
}
