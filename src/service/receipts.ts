/**
 * Receipts as answers carry them, encoded once a commit: the replica gives all requests that one commit answers the same list of acks.
 */
import { encodeReceipt, type Receipt, type ReceiptJson } from '../../crdt/receipt.ts'

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
