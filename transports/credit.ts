/**
 * Credit (PROTOCOL CR1–CR4): how many bytes of commits and bodies one side may have under way to the other.
 *
 * Both start from `limits.credit_bytes_initial`, so nothing needs to be granted first. Units: bytes of the frames that
 * carry commits or bodies, before compression and sealing. The receiver gives back what its host has taken in.
 */
import { limits } from '../crdt/limits.ts'

/** The sender's side: what we may still send. */
export type SendCredit = {
  left(): number
  spend(bytes: number): void
  /** False when the other side grants more than it was ever owed. */
  granted(bytes: number): boolean
}

export const createSendCredit = (): SendCredit => {
  let left: number = limits.credit_bytes_initial
  return {
    left: () => left,
    spend: (bytes) => {
      left -= bytes
    },
    granted: (bytes) => {
      left += bytes
      return left <= limits.credit_bytes_initial
    },
  }
}

/** The receiver's side: what the other may still send us. */
export type ReceiveCredit = {
  /** False when the frame overruns the credit. */
  took(bytes: number): boolean
  /** The host has taken in so many bytes; answers what to grant now (0: nothing yet, the grants are gathered). */
  done(bytes: number): number
  /** Bytes with the host that it has not taken in. */
  inHand(): number
}

export const createReceiveCredit = (): ReceiveCredit => {
  let inHand = 0
  let owed = 0
  return {
    took: (bytes) => {
      inHand += bytes
      return inHand + owed <= limits.credit_bytes_initial
    },
    done: (bytes) => {
      inHand -= bytes
      owed += bytes
      if (owed < limits.credit_grant_bytes_min) return 0
      const grant = owed
      owed = 0
      return grant
    },
    inHand: () => inHand,
  }
}
