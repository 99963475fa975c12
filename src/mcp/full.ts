/** The profile `full`: the tools of `core`, and one for everything else that the API can do. */
import { artifactReads, artifactWrites } from './artifacts.ts'
import { CORE } from './core.ts'
import { decisionReads, decisionWrites } from './decisions.ts'
import { episodeReads, episodeWrites } from './episodes.ts'
import { fullPeer } from './full-peer.ts'
import { fullReads } from './full-reads.ts'
import { fullWrites } from './full-writes.ts'
import { proofTools } from './proofs.ts'
import type { Tool } from './tool.ts'

export const FULL: readonly Tool[] = [
  ...CORE,
  ...fullReads,
  ...fullWrites,
  ...decisionWrites,
  ...decisionReads,
  ...artifactWrites,
  ...artifactReads,
  ...episodeWrites,
  ...episodeReads,
  ...proofTools,
  ...fullPeer,
]
