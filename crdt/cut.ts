/**
 * A cut: what counts of each chain of one peer, told in pages of bounded size and named by one root, so that no statement grows with the
 * number of chains.
 *
 * root = RFC 6962 root over the pages; a page's leaf is chain (16 bytes) ‖ seq (u64, big endian) of each of its chains, ascending. Chains
 * ascend from page to page too, so a page that was told already, or comes from elsewhere, is noticed.
 *
 * A value: extending answers a new one, for the work of the page alone. A look-up among n chains takes log2(n).
 */
import { bytesToHex, hexToBytes, type ChainId } from './ids.ts'
import { limits } from './limits.ts'
import { appendLeaf, emptyHistory, historyRoot, leafHash, type History } from './merkle.ts'

/** Chain → the last seq that counts; 1 … `cut_page_chains_max` chains. */
export type CutPage = Readonly<Record<ChainId, number>>
/** `root` in hex; `chains` of all pages together. */
export type CutName = { readonly root: string; readonly chains: number }
/** `isWhole`: all pages are told, and add up to the name. Only then it says anything. */
export type Cut = {
  readonly name: CutName
  readonly told: number
  readonly isWhole: boolean
  readonly history: History
  readonly pages: readonly Page[]
}
type Page = { readonly first: ChainId; readonly last: ChainId; readonly seqs: CutPage }

/** Nothing of it is told yet; of no chains it is whole. */
export const namedCut = (name: CutName): Cut => ({
  name,
  told: 0,
  isWhole: isNamed(name, 0, emptyHistory),
  history: emptyHistory,
  pages: [],
})

/** With one more page. One that does not follow on the last is passed over; with one too many, or another root in the end, it begins anew. */
export const extendCut = (cut: Cut, seqs: CutPage): Cut => {
  const chains = chainsOf(seqs)
  const [first, last] = [chains[0], chains.at(-1)]
  if (cut.isWhole || first === undefined || last === undefined || first <= (cut.pages.at(-1)?.last ?? '')) return cut
  const told = cut.told + chains.length
  const history = appendLeaf(cut.history, leafHash(leafOf(chains, seqs)))
  const isWhole = isNamed(cut.name, told, history)
  return told < cut.name.chains || isWhole
    ? { name: cut.name, told, isWhole, history, pages: [...cut.pages, { first, last, seqs }] }
    : namedCut(cut.name)
}

/** The last seq of `chain` that counts; null when the cut does not name the chain. @param cut a whole one. */
export const lastInCut = ({ pages }: Cut, chain: ChainId): number | null => {
  let [from, to] = [0, pages.length]
  while (from < to) {
    const middle = (from + to) >> 1
    if (pages[middle]!.last < chain) from = middle + 1
    else to = middle
  }
  const page = pages[from]
  return page !== undefined && Object.hasOwn(page.seqs, chain) ? page.seqs[chain]! : null
}

/** What is to be told of these chains, page by page, and its name. */
export const cutOf = (lasts: CutPage): { readonly name: CutName; readonly pages: readonly CutPage[] } => {
  const chains = chainsOf(lasts)
  const pages: CutPage[] = []
  let history = emptyHistory
  for (let at = 0; at < chains.length; at += limits.cut_page_chains_max) {
    const some = chains.slice(at, at + limits.cut_page_chains_max)
    pages.push(Object.fromEntries(some.map((chain) => [chain, lasts[chain]!])) as CutPage)
    history = appendLeaf(history, leafHash(leafOf(some, lasts)))
  }
  return { name: { root: bytesToHex(historyRoot(history)), chains: chains.length }, pages }
}

const isNamed = ({ root, chains }: CutName, told: number, history: History): boolean =>
  told === chains && bytesToHex(historyRoot(history)) === root

const chainsOf = (seqs: CutPage): readonly ChainId[] => (Object.keys(seqs) as ChainId[]).sort()

const ENTRY_BYTES = 16 + 8
const leafOf = (chains: readonly ChainId[], seqs: CutPage): Uint8Array => {
  const bytes = new Uint8Array(ENTRY_BYTES * chains.length)
  const view = new DataView(bytes.buffer)
  for (const [i, chain] of chains.entries()) {
    bytes.set(hexToBytes(chain), i * ENTRY_BYTES)
    view.setBigUint64(i * ENTRY_BYTES + 16, BigInt(seqs[chain]!))
  }
  return bytes
}
