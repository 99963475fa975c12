// violates: cli-layer
import { target } from '../membership/invite.ts'

export const used = target
