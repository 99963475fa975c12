/** What tools that write answer: the id, and on how many disks it lies. */
import type { Written } from '../api.ts'
import { integer, text } from './fields.ts'
import type { Asked } from './tool.ts'

export const written = { id: text, namespace: text, quorum_acks: integer }
/** Also notes the write, so that its agent's next read sees it. */
export const answerOf = (asked: Asked, { id, namespace, quorum_acks, token }: Written) => {
  asked.wrote(token)
  return { id, namespace, quorum_acks }
}
export const onDisks = ({ quorum_acks }: Pick<Written, 'quorum_acks'>): string =>
  `on the disks of ${quorum_acks} peer${quorum_acks === 1 ? '' : 's'}`
