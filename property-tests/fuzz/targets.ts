/** Every target, by name. */
import { commitTargets } from './targets/commit.ts'
import { forkTargets } from './targets/fork.ts'
import { frameTargets } from './targets/frames.ts'
import { httpTargets } from './targets/http.ts'
import { jsonTargets } from './targets/json.ts'
import { liveTargets } from './targets/live.ts'
import { merkleTargets } from './targets/merkle.ts'
import { packedTargets } from './targets/packed.ts'
import { proofTargets } from './targets/proof.ts'
import { segmentTargets } from './targets/segment.ts'
import { sessionTargets } from './targets/session.ts'
import { storeTargets } from './targets/store.ts'
import type { Target } from './target.ts'

export const TARGETS: readonly Target[] = [
  ...packedTargets,
  ...proofTargets,
  ...jsonTargets,
  ...merkleTargets,
  ...commitTargets,
  ...segmentTargets,
  ...forkTargets,
  ...frameTargets,
  ...liveTargets,
  ...storeTargets,
  ...sessionTargets,
  ...httpTargets,
]
