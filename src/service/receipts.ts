/**
 * Receipts as answers carry them, encoded once a commit: the replica gives all requests that one commit answers the same list of acks.
 */
import { encodeReceipt, type Receipt, type ReceiptJson } from '../../crdt/receipt.ts'
import type { WrittenAt } from '../replica/types.ts'

/** Remembers as long as somebody holds the acks, so nothing longer than the answers that carry them. */
export const createReceipts = (): ((receipt: Receipt) => ReceiptJson) => {
  const encoded = new WeakMap<Receipt['acks'], ReceiptJson>()
  return ({ header, acks }) => {
    const known = encoded.get(acks)
    if (known !== undefined) return known
    const made = encodeReceipt({ header, acks })
    encoded.set(acks, made)
    return made
  }
}

/** Of each chain the last place: who has that has the others. */
export const latestByChain = (written: readonly WrittenAt[]): readonly WrittenAt[] => {
  const latest = new Map<string, WrittenAt>()
  for (const where of written) if ((latest.get(where.chain)?.seq ?? 0) < where.seq) latest.set(where.chain, where)
  return [...latest.values()]
}
