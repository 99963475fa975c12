/**
 * Links between memories that an import has stored: sent one by one, several under way, each only when it is not there yet.
 *
 * Names are resolved to ids first; a link whose end was not in the source may name a memory's id itself.
 */
import { randomUUID } from 'node:crypto'
import { parseRecordId } from '../../../crdt/ids.ts'
import type { LinkRow } from '../../sdk/answers.ts'
import { allRows } from '../../sdk/pages.ts'
import { CallFailure } from '../../sdk/failure.ts'
import { inOrder } from '../in-order.ts'
import type { LinkItem, ProblemItem } from './item.ts'
import { withRetries } from './retry.ts'
import { saidHeaders } from './send-said.ts'
import type { Sending } from './sending.ts'
import { addProblem } from './tally.ts'
import { cliLimits } from '../limits.ts'

export const sendLinks = async (items: AsyncIterable<LinkItem | ProblemItem>, sending: Sending): Promise<void> => {
  for await (const _done of inOrder(groups(items), cliLimits.import_lookups_in_flight_max, (group) =>
    sendGroup(group, sending),
  ))
    sending.onProgress()
}

/** Neighbouring links with the same start, so that what is there is asked once for them. */
async function* groups(
  items: AsyncIterable<LinkItem | ProblemItem>,
): AsyncGenerator<readonly (LinkItem | ProblemItem)[], undefined> {
  let group: (LinkItem | ProblemItem)[] = []
  for await (const item of items) {
    const last = group.at(-1)
    const joins =
      last?.kind === 'link' &&
      item.kind === 'link' &&
      last.from === item.from &&
      group.length < cliLimits.import_batch_memories_max
    if (!joins && group.length > 0) {
      yield group
      group = []
    }
    group.push(item)
  }
  if (group.length > 0) yield group
  return undefined
}

const sendGroup = async (group: readonly (LinkItem | ProblemItem)[], sending: Sending): Promise<void> => {
  let there: ReadonlySet<string> | null = null
  for (const item of group) {
    if (item.kind === 'problem') addProblem(sending.tally, item.where, item.message)
    else {
      const from = resolve(item.from, sending)
      const to = resolve(item.to, sending)
      if ((from === null || to === null) && item.mayLeadNowhere === true) sending.tally.links_nowhere++
      else if (from === null || to === null)
        addProblem(
          sending.tally,
          item.where,
          `links to '${from === null ? item.from : item.to}', which was not imported`,
        )
      else await sendLink(item, from, to, (there ??= await outgoing(from, sending)), sending)
    }
  }
}

const resolve = (name: string, { idByName }: Sending): string | null => idByName.get(name) ?? parseRecordId(name)

/** `to relation` of each link that starts at `from`. */
const outgoing = async (from: string, { io, client, signal, tally }: Sending): Promise<ReadonlySet<string>> => {
  const links = await withRetries(
    io,
    () =>
      allRows<LinkRow>(client, `/links/${from}`, 'links', {
        query: {},
        headers: { 'x-causal-token': tally.token ?? undefined },
      }),
    signal,
  )
  return new Set(
    links.filter((link) => link.from === from && !link.removed).map((link) => `${link.to} ${link.relation}`),
  )
}

const sendLink = async (
  item: LinkItem,
  from: string,
  to: string,
  there: ReadonlySet<string>,
  { io, client, quorum, signal, tally }: Sending,
): Promise<void> => {
  if (there.has(`${to} ${item.relation}`)) {
    tally.links_existing++
    return
  }
  const { relation, valid_from, valid_until } = item
  // Each try says the same: one that was answered too late is found again.
  const headers = { 'idempotency-key': randomUUID(), ...(item.said === undefined ? {} : saidHeaders(item.said)) }
  const body = {
    from,
    to,
    relation,
    ...(valid_from === undefined ? {} : { valid_from }),
    ...(valid_until === undefined ? {} : { valid_until }),
  }
  try {
    await withRetries(io, () => client.call('POST', '/links', { body, headers, query: { quorum } }), signal)
    tally.links++
  } catch (error) {
    if (!(error instanceof CallFailure) || ![400, 404, 409, 413, 422].includes(error.status)) throw error
    addProblem(tally, item.where, error.message)
  }
}
