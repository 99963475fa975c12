/** What a client may read by its address, beside the tools that a model calls. */
import type { Asked } from './tool.ts'

export type Resource = {
  readonly name: string
  readonly title: string
  readonly uri: string
  readonly description: string
  readonly mimeType: string
  /** @throws NodeError. */
  read(asked: Asked): Promise<string>
}

/** What a client is told of it. */
export const listed = ({ read: _read, ...told }: Resource): Omit<Resource, 'read'> => told
