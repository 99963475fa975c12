// violates: transports-websocket-layer
import { target } from '../src/store/level.ts'

export const used = target
