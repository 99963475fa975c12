/** The profile `core`: few tools, told in few words, since each word takes a part of the model's attention in every session. */
import { coreReads } from './core-reads.ts'
import { coreWrites } from './core-writes.ts'
import type { Tool } from './tool.ts'

export const CORE: readonly Tool[] = [...coreWrites, ...coreReads]

export const INSTRUCTIONS =
  'A memory that lasts beyond this session and is shared with other agents. Recall when a task begins; ' +
  'remember what the user decides, prefers or corrects, and what took effort to find out.'
